#pragma once

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstdint>
#include <string>
#include <string_view>

// WebSocket frames by hand (RFC 6455), so that tests can make bad ones.
namespace moestress::net {

constexpr int kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

/// One frame; `masked` as a client must and a server must not.
inline std::string frame(int opcode, std::string_view payload, bool masked, bool final = true) {
  std::string out(1, static_cast<char>((final ? 0x80 : 0) | opcode));
  const char mask_bit = static_cast<char>(masked ? 0x80 : 0);
  const auto size = static_cast<std::uint64_t>(payload.size());
  if (size < 126) {
    out += static_cast<char>(mask_bit | static_cast<char>(size));
  } else {
    const int bytes = size < 65536 ? 2 : 8;
    out += static_cast<char>(mask_bit | (bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i) & 0xff);
  }
  if (!masked) return out.append(payload);
  constexpr std::string_view kMask = "\x12\x34\x56\x78";
  out += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return out;
}

/// A close frame's payload.
inline std::string close_payload(int code, std::string_view reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}.append(reason);
}

/// What a server must answer to a request's Sec-WebSocket-Key.
inline std::string accept_key(const std::string& request) {
  constexpr std::string_view kName = "Sec-WebSocket-Key: ";
  const auto start = request.find(kName) + kName.size();
  const std::string text =
      request.substr(start, request.find("\r\n", start) - start) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  unsigned char encoded[64];
  const int size = EVP_EncodeBlock(encoded, digest, sizeof digest);
  return {reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(size)};
}

inline std::string upgrade_request(const std::string& target, const std::string& extra = "") {
  return "GET " + target +
         " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         extra + "\r\n";
}

inline std::string upgrade_response(const std::string& request) {
  return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
         "websocket\r\nSec-WebSocket-Accept: " +
         accept_key(request) + "\r\n\r\n";
}

}  // namespace moestress::net
