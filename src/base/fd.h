#pragma once

#include <utility>

namespace moestress::base {

/// A file descriptor that is closed with its owner; always above 2, even where someone closed our standard
/// streams, so that a child that gets it as one of those loses nothing.
class Fd {
 public:
  explicit Fd(int fd = -1);
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }  ///< -1: none
  void reset();

 private:
  int fd_;
};

}  // namespace moestress::base
