#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// Who asks, and under which id. Made by the session, owned by its frame, passed
/// first and by reference to everything done for the request. What the handler
/// learns is written here for the access log.
struct RequestContext {
  std::string request_id;
  std::string remote_address;   ///< Without the port.
  bool secure = false;          ///< Came over TLS.
  std::string principal;        ///< The account, once authenticated; empty while anonymous.
  std::string_view operation;   ///< The protocol's name for what is asked, such as "PutObject"; a literal.
  std::string_view error_code;  ///< The protocol's error code of the answer; a literal.
  std::string bucket;
  std::string key;
  std::string detail;  ///< What went wrong, for the operator.
};

}  // namespace sluice
