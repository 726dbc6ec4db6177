// A plain HTTP client over a loopback socket, for tests: sends exactly the bytes it is given and
// reads strictly. Each wait is for an event; the socket's own limit only ends a failing test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace fleetgate::test {

struct http_answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class http_client {
 public:
  explicit http_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  ~http_client() { ::close(fd_); }
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// False where the server has closed the connection.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  http_answer get(const std::string& target, const std::string& more_headers = "") {
    send("GET " + target + " HTTP/1.1\r\nHost: test\r\n" + more_headers + "\r\n");
    return read_answer();
  }

  /// `to_head`: the answer bears a length but no body.
  http_answer read_answer(bool to_head = false) {
    http_answer a;
    const std::string status = read_line();
    if (!status.starts_with("HTTP/1.")) throw std::runtime_error("not HTTP: " + status);
    a.status = std::stoi(status.substr(9, 3));
    for (std::string line = read_line(); !line.empty(); line = read_line()) {
      const auto colon = line.find(": ");
      if (colon == std::string::npos) throw std::runtime_error("not a header: " + line);
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (!a.headers.emplace(name, line.substr(colon + 2)).second) {
        throw std::runtime_error("header given twice: " + name);
      }
    }
    if (a.status < 200) return a;  // an interim response has no body
    const auto length = std::stoul(a.headers.at("content-length"));
    if (!to_head) a.body = read_bytes(length);
    return a;
  }

  /// Waits until the server has closed; false where it sends something instead.
  bool is_closed_by_server() {
    char c = 0;
    const ssize_t n = buffered_.empty() ? ::recv(fd_, &c, 1, 0) : 1;
    if (n < 0 && errno != ECONNRESET) throw std::runtime_error("still open after 10 s");
    return n <= 0;
  }
  /// True where bytes or the end of the connection are there within `milliseconds`.
  bool readable_within(int milliseconds) {
    pollfd p{fd_, POLLIN, 0};
    return ::poll(&p, 1, milliseconds) > 0;
  }

 private:
  void fill() {
    char chunk[4096];
    const ssize_t n = ::recv(fd_, chunk, sizeof(chunk), 0);
    if (n <= 0) throw std::runtime_error("connection ended in the middle of an answer");
    buffered_.append(chunk, static_cast<std::size_t>(n));
  }
  std::string read_line() {
    std::size_t end = 0;
    while ((end = buffered_.find("\r\n")) == std::string::npos) fill();
    std::string line = buffered_.substr(0, end);
    buffered_.erase(0, end + 2);
    return line;
  }
  std::string read_bytes(std::size_t n) {
    while (buffered_.size() < n) fill();
    std::string bytes = buffered_.substr(0, n);
    buffered_.erase(0, n);
    return bytes;
  }

  int fd_;
  std::string buffered_;
};

}  // namespace fleetgate::test
