#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

/// What a request wants to do, in words both protocols can translate into.
enum class Action : std::uint8_t {
  list_buckets,
  create_bucket,
  delete_bucket,
  read_bucket,   ///< Its existence and configuration.
  list_objects,  ///< Also uploads in progress.
  read_object,   ///< Also its attributes and parts.
  write_object,  ///< Also uploads.
  delete_object,
};

/// What an action is about. Views into the request.
struct Resource {
  std::string_view bucket;  ///< Empty for the service itself.
  std::string_view key;     ///< Empty for the bucket itself.
};

/// What a user may do at most.
enum class Access : std::uint8_t { read_only, read_write };

/// One entry of the users table.
struct User {
  std::string name;          ///< For people and logs.
  std::string account;       ///< Owner of the buckets it makes; users may share one.
  std::string display_name;  ///< What S3 shows of an owner.
  std::string access_key;
  std::string secret_key;
  Access access = Access::read_write;
  bool root = false;                         ///< May do everything to every bucket.
  std::vector<std::string> bucket_prefixes;  ///< Buckets it may touch; empty means all its account's.
};

/// Who asks, proven. Null user: anonymous.
struct Identity {
  std::shared_ptr<const User> user;
  bool anonymous() const { return user == nullptr; }
  std::string_view account() const { return user ? std::string_view(user->account) : std::string_view{}; }
};

}  // namespace sluice::auth
