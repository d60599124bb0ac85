#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace moestress::base {

/// An integer that can't be mixed up with another kind of integer. -1 means "none".
template <class Tag>
struct StrongId {
  std::int64_t value = -1;
  auto operator<=>(const StrongId&) const =
      default;  // NOLINT(modernize-use-nullptr): sees a 0 that is not there
};

using RequestId = StrongId<struct RequestTag>;  ///< unique in a run
using SessionId = StrongId<struct SessionTag>;  ///< one user's sequence of requests
using SeriesId = StrongId<struct SeriesTag>;    ///< one target process; a new process is a new series

}  // namespace moestress::base

template <class Tag>
struct std::hash<moestress::base::StrongId<Tag>> {
  std::size_t operator()(const moestress::base::StrongId<Tag>& id) const noexcept {
    return std::hash<std::int64_t>{}(id.value);
  }
};
