#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "auth/policy_condition.h"

namespace sluice::auth {

/// What a policy is asked: may `identity` do `permission` to `resource`?
struct PolicyQuestion {
  const Identity& identity;
  std::string_view permission;  ///< As policies call it: `s3:GetObject`.
  Resource resource;
  Facts facts;
};

/// What a policy says to it.
enum class Effect : std::uint8_t { none, allow, deny };

/// Whom a statement is about.
struct Principal {
  enum class Kind : std::uint8_t { everybody, account, user, nobody };
  Kind kind = Kind::everybody;
  std::string account;
  std::string user;  ///< Its name, within the account.

  bool matches(const Identity& identity) const;
};

/// A bucket policy ("Policies and permissions in Amazon S3", Amazon S3 User Guide),
/// parsed. It only answers for its own bucket. Immutable; safe for concurrent use.
class BucketPolicy {
 public:
  static constexpr std::size_t kSizeMax = 20 * 1024;

  /// Reads a document. Fails, with a sentence for its author, for whatever is not
  /// understood wholly: an element, a principal, an action, a resource of another
  /// bucket, a condition. Nothing of a policy is passed over.
  static std::expected<BucketPolicy, std::string> parse(std::string_view text, std::string_view bucket);

  /// Deny over allow.
  Effect evaluate(const PolicyQuestion& question) const;

  /// Does it allow anything to everybody? ("The meaning of 'public'".)
  bool is_public() const;

  /// Does any condition ask about the tags of the object?
  bool asks_object() const;

 private:
  friend class PolicyReader;

  struct Statement {
    Effect effect = Effect::none;
    std::vector<Principal> principals;
    std::vector<Pattern> actions;
    std::vector<Pattern> resources;
    std::vector<PolicyCondition> conditions;
    bool not_principal = false;
    bool not_action = false;
    bool not_resource = false;

    bool applies(const PolicyQuestion& question, const std::string& resource) const;
  };
  std::vector<Statement> statements_;
};

}  // namespace sluice::auth
