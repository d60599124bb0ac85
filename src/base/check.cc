#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace moestress::base {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "moestress: internal error: CHECK(%s) failed at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace moestress::base
