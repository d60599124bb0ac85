#include "server/bearer.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace moestress::server {

bool bearer_matches(std::string_view authorization, std::string_view key) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return false;
  const bool scheme = std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [](char a, char b) {
    return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
  });
  if (!scheme) return false;
  const std::string_view given = authorization.substr(kScheme.size());
  // volatile: the compiler must not leave the loop early.
  volatile unsigned char difference = given.size() == key.size() ? 0 : 1;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char other = given.empty() ? '\0' : given[i % given.size()];
    difference = static_cast<unsigned char>(difference | (static_cast<unsigned char>(key[i] ^ other)));
  }
  return difference == 0;
}

}  // namespace moestress::server
