#include "auth/bucket_policy.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "gateway/core/encoding.h"

namespace sluice::auth {

using Json = nlohmann::json;
template <class T>
using Read = std::expected<T, std::string>;

namespace {

constexpr std::string_view kVersion = "2012-10-17";  // The one with variables.
constexpr std::string_view kOldVersion = "2008-10-17";
constexpr std::string_view kArn = "arn:aws:s3:::";
constexpr std::string_view kIamArn = "arn:aws:iam::";

// "Actions defined by Amazon S3", Service Authorization Reference: of buckets and objects.
constexpr std::string_view kActions[] = {
    "AbortMultipartUpload",
    "BypassGovernanceRetention",
    "CreateBucket",
    "CreateBucketMetadataTableConfiguration",
    "DeleteBucket",
    "DeleteBucketMetadataTableConfiguration",
    "DeleteBucketPolicy",
    "DeleteBucketWebsite",
    "DeleteObject",
    "DeleteObjectTagging",
    "DeleteObjectVersion",
    "DeleteObjectVersionTagging",
    "GetAccelerateConfiguration",
    "GetAnalyticsConfiguration",
    "GetBucketAcl",
    "GetBucketCORS",
    "GetBucketLocation",
    "GetBucketLogging",
    "GetBucketMetadataTableConfiguration",
    "GetBucketNotification",
    "GetBucketObjectLockConfiguration",
    "GetBucketOwnershipControls",
    "GetBucketPolicy",
    "GetBucketPolicyStatus",
    "GetBucketPublicAccessBlock",
    "GetBucketRequestPayment",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetBucketWebsite",
    "GetEncryptionConfiguration",
    "GetIntelligentTieringConfiguration",
    "GetInventoryConfiguration",
    "GetLifecycleConfiguration",
    "GetMetricsConfiguration",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetObjectTorrent",
    "GetObjectVersion",
    "GetObjectVersionAcl",
    "GetObjectVersionAttributes",
    "GetObjectVersionForReplication",
    "GetObjectVersionTagging",
    "GetObjectVersionTorrent",
    "GetReplicationConfiguration",
    "ListBucket",
    "ListBucketMultipartUploads",
    "ListBucketVersions",
    "ListMultipartUploadParts",
    "ObjectOwnerOverrideToBucketOwner",
    "PutAccelerateConfiguration",
    "PutAnalyticsConfiguration",
    "PutBucketAcl",
    "PutBucketCORS",
    "PutBucketLogging",
    "PutBucketNotification",
    "PutBucketObjectLockConfiguration",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketRequestPayment",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutBucketWebsite",
    "PutEncryptionConfiguration",
    "PutIntelligentTieringConfiguration",
    "PutInventoryConfiguration",
    "PutLifecycleConfiguration",
    "PutMetricsConfiguration",
    "PutObject",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectTagging",
    "PutObjectVersionAcl",
    "PutObjectVersionTagging",
    "PutReplicationConfiguration",
    "ReplicateDelete",
    "ReplicateObject",
    "ReplicateTags",
    "RestoreObject",
};

/// A second member of one name, which the reader would not see.
class DuplicateWatch {
 public:
  bool operator()(int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) names_.emplace_back();
    if (event == Json::parse_event_t::object_end) names_.pop_back();
    if (event == Json::parse_event_t::key) found_ |= !names_.back().insert(value.get<std::string>()).second;
    return true;
  }
  bool found() const { return found_; }

 private:
  std::vector<std::set<std::string>> names_;
  bool found_ = false;
};

Read<Json> read_json(std::string_view text) {
  if (text.size() > BucketPolicy::kSizeMax) return std::unexpected("Policies may not be larger than 20 KiB.");
  DuplicateWatch watch;
  Json json = Json::parse(text, std::ref(watch), /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) {
    return std::unexpected("Policies must be valid JSON and the first byte must be '{'");
  }
  if (watch.found()) return std::unexpected("Policies must not name an element twice.");
  return json;
}

/// A string, or a list of them; numbers and booleans as they are written.
Read<std::vector<std::string>> read_strings(const Json& json, std::string_view element) {
  std::vector<std::string> strings;
  const auto add = [&](const Json& one) {
    if (one.is_string()) {
      strings.push_back(one.get<std::string>());
    } else if (one.is_boolean() || one.is_number()) {
      strings.push_back(one.dump());
    } else {
      return false;
    }
    return true;
  };
  const bool sound = json.is_array() ? std::ranges::all_of(json, add) : add(json);
  if (!sound || strings.empty()) return std::unexpected("Policy has an invalid " + std::string(element));
  return strings;
}

Read<Principal> read_aws_principal(std::string_view text) {
  using enum Principal::Kind;
  const auto invalid = [&] { return std::unexpected("Invalid principal in policy: " + std::string(text)); };
  if (text == "*") return Principal{};
  if (text.empty() || text.find_first_of("*?$") != text.npos) return invalid();
  if (!text.starts_with("arn:")) return Principal{.kind = account, .account = std::string(text), .user = {}};
  if (!text.starts_with(kIamArn)) return invalid();
  const std::string_view rest = text.substr(kIamArn.size());
  const auto colon = rest.find(':');
  if (colon == rest.npos) return invalid();
  std::string owner(rest.substr(0, colon));
  const std::string_view who = rest.substr(colon + 1);
  if (who == "root" && !owner.empty()) return Principal{.kind = account, .account = std::move(owner), .user = {}};
  constexpr std::string_view kUser = "user/";
  if (!who.starts_with(kUser)) return invalid();
  std::string name(who.substr(who.rfind('/') + 1));
  if (name.empty()) return invalid();
  return Principal{.kind = user, .account = std::move(owner), .user = std::move(name)};
}

Read<std::vector<Principal>> read_principals(const Json& json) {
  std::vector<Principal> principals;
  if (json == "*") return std::vector{Principal{}};
  if (!json.is_object() || json.empty()) return std::unexpected("Invalid principal in policy");
  for (const auto& [type, value] : json.items()) {
    auto names = read_strings(value, "principal");
    if (!names) return std::unexpected(std::move(names.error()));
    for (const std::string& name : *names) {
      if (type == "AWS") {
        auto principal = read_aws_principal(name);
        if (!principal) return std::unexpected(std::move(principal.error()));
        principals.push_back(*std::move(principal));
      } else if (type == "CanonicalUser" && !name.empty() && name != "*") {
        principals.push_back({.kind = Principal::Kind::account, .account = name, .user = {}});
      } else if (type == "Service" && !name.empty() && name != "*") {
        principals.push_back({.kind = Principal::Kind::nobody, .account = {}, .user = {}});  // No service asks here.
      } else {
        return std::unexpected("Invalid principal in policy");
      }
    }
  }
  return principals;
}

Read<std::vector<Pattern>> read_actions(const Json& json) {
  constexpr std::string_view kService = "s3:";
  constexpr PatternSyntax kSyntax{.wildcards = true, .variables = false, .ignore_case = true};
  auto texts = read_strings(json, "action");
  if (!texts) return std::unexpected(std::move(texts.error()));
  std::vector<Pattern> patterns;
  for (const std::string& text : *texts) {
    auto pattern = Pattern::parse(text, kSyntax);
    const bool known = std::ranges::any_of(kActions, [&](std::string_view action) {
      return pattern && pattern->matches(std::string(kService).append(action), {});
    });
    if (!known) return std::unexpected("Policy has invalid action: " + text);
    patterns.push_back(*std::move(pattern));
  }
  return patterns;
}

Read<std::vector<Pattern>> read_resources(const Json& json, std::string_view bucket, bool variables) {
  auto texts = read_strings(json, "resource");
  if (!texts) return std::unexpected(std::move(texts.error()));
  std::vector<Pattern> patterns;
  for (std::string_view text : *texts) {
    const auto invalid = [&] { return std::unexpected("Policy has invalid resource: " + std::string(text)); };
    if (text != "*" && !text.starts_with(kArn)) return invalid();
    const std::string_view path = text == "*" ? text : text.substr(kArn.size());
    const auto of_bucket = Pattern::parse(path.substr(0, path.find('/')), {});
    auto pattern = Pattern::parse(path, {.wildcards = true, .variables = variables});
    if (!of_bucket || !pattern || !of_bucket->matches(bucket, {})) return invalid();
    patterns.push_back(*std::move(pattern));
  }
  return patterns;
}

Read<std::vector<PolicyCondition>> read_conditions(const Json& json, bool variables) {
  std::vector<PolicyCondition> conditions;
  if (!json.is_object()) return std::unexpected("Conditions must be an object");
  for (const auto& [name, keys] : json.items()) {
    if (!keys.is_object()) return std::unexpected("Invalid Condition type : " + name);
    for (const auto& [key, value] : keys.items()) {
      auto values = read_strings(value, "condition value");
      if (!values) return std::unexpected(std::move(values.error()));
      auto condition = PolicyCondition::parse(name, key, *values, variables);
      if (!condition) return std::unexpected(std::move(condition.error()));
      conditions.push_back(*std::move(condition));
    }
  }
  return conditions;
}

}  // namespace

/// Reads one document, element by element.
class PolicyReader {
 public:
  explicit PolicyReader(std::string_view bucket) : bucket_(bucket) {}

  Read<BucketPolicy> read(const Json& json) {
    std::string version(kOldVersion);
    for (const auto& [name, value] : json.items()) {
      if (name == "Version" && value.is_string()) {
        version = value.get<std::string>();
      } else if (name != "Statement" && (name != "Id" || !value.is_string())) {
        return std::unexpected("Unknown field " + name);
      }
    }
    if (version != kVersion && version != kOldVersion) {
      return std::unexpected("The policy must contain a valid version string");
    }
    variables_ = version == kVersion;
    const auto list = json.find("Statement");
    if (list == json.end() || list->empty()) return std::unexpected("Missing required field Statement");

    BucketPolicy policy;
    const auto add = [&](const Json& one) -> std::string {
      auto statement = read_statement(one);
      if (!statement) return std::move(statement.error());
      policy.statements_.push_back(*std::move(statement));
      return {};
    };
    if (list->is_object()) {
      if (auto fault = add(*list); !fault.empty()) return std::unexpected(std::move(fault));
      return policy;
    }
    if (!list->is_array()) return std::unexpected("Policy has an invalid Statement");
    for (const Json& one : *list) {
      if (auto fault = add(one); !fault.empty()) return std::unexpected(std::move(fault));
    }
    return policy;
  }

 private:
  using Statement = BucketPolicy::Statement;

  Read<Statement> read_statement(const Json& json) {
    if (!json.is_object()) return std::unexpected("Policy has an invalid Statement");
    Statement statement;
    for (const auto& [name, value] : json.items()) {
      if (auto fault = read_element(name, value, statement); !fault.empty()) return std::unexpected(std::move(fault));
    }
    if (statement.effect == Effect::none) return std::unexpected("Missing required field Effect");
    if (statement.principals.empty()) return std::unexpected("Missing required field Principal");
    if (statement.actions.empty()) return std::unexpected("Missing required field Action");
    if (statement.resources.empty()) return std::unexpected("Missing required field Resource");
    if (statement.not_principal && statement.effect == Effect::allow) {
      return std::unexpected("Allow with NotPrincipal is not allowed.");
    }
    return statement;
  }

  /// What is wrong with it, or nothing.
  std::string read_element(const std::string& name, const Json& value, Statement& statement) {
    const auto keep = [](auto read, auto& where) {
      if (!read) return std::move(read.error());
      if (!where.empty()) return std::string("Statement has both an element and its opposite");
      where = *std::move(read);
      return std::string();
    };
    if (name == "Sid") return value.is_string() ? "" : "Policy has an invalid Sid";
    if (name == "Effect") {
      statement.effect = value == "Allow" ? Effect::allow : value == "Deny" ? Effect::deny : Effect::none;
      return statement.effect == Effect::none ? "Invalid effect" : "";
    }
    if (name == "Principal") return keep(read_principals(value), statement.principals);
    if (name == "Action") return keep(read_actions(value), statement.actions);
    if (name == "Resource") return keep(read_resources(value, bucket_, variables_), statement.resources);
    if (name == "Condition") return keep(read_conditions(value, variables_), statement.conditions);
    if (name == "NotPrincipal") {
      statement.not_principal = true;
      return keep(read_principals(value), statement.principals);
    }
    if (name == "NotAction") {
      statement.not_action = true;
      return keep(read_actions(value), statement.actions);
    }
    if (name == "NotResource") {
      statement.not_resource = true;
      return keep(read_resources(value, bucket_, variables_), statement.resources);
    }
    return "Unknown field " + name;
  }

  std::string_view bucket_;
  bool variables_ = false;
};

bool Principal::matches(const Identity& identity) const {
  switch (kind) {
    case Kind::everybody:
      return true;
    case Kind::account:
      return !identity.anonymous() && identity.account() == account;
    case Kind::user:
      // Without an account, as Ceph writes it, the name is an account's too.
      if (identity.anonymous()) return false;
      if (account.empty()) return identity.account() == user || identity.user->name == user;
      return identity.account() == account && identity.user->name == user;
    case Kind::nobody:
      return false;
  }
  return false;
}

std::expected<BucketPolicy, std::string> BucketPolicy::parse(std::string_view text, std::string_view bucket) {
  const auto json = read_json(text);
  if (!json) return std::unexpected(json.error());
  return PolicyReader(bucket).read(*json);
}

bool BucketPolicy::Statement::applies(const PolicyQuestion& question, const std::string& resource) const {
  const auto concerns = [&](const Pattern& pattern) { return pattern.matches(question.permission, {}); };
  if (std::ranges::any_of(actions, concerns) == not_action) return false;
  const auto is_who = [&](const Principal& principal) { return principal.matches(question.identity); };
  if (std::ranges::any_of(principals, is_who) == not_principal) return false;
  const auto is_what = [&](const Pattern& pattern) { return pattern.matches(resource, question.facts); };
  if (std::ranges::any_of(resources, is_what) == not_resource) return false;
  return std::ranges::all_of(conditions, [&](const PolicyCondition& one) { return one.holds(question.facts); });
}

Effect BucketPolicy::evaluate(const PolicyQuestion& question) const {
  std::string resource(question.resource.bucket);
  if (!question.resource.key.empty()) resource.append("/").append(question.resource.key);
  Effect effect = Effect::none;
  for (const Statement& statement : statements_) {
    if (statement.effect <= effect || !statement.applies(question, resource)) continue;
    effect = statement.effect;
    if (effect == Effect::deny) break;
  }
  return effect;
}

bool BucketPolicy::is_public() const {
  return std::ranges::any_of(statements_, [](const Statement& statement) {
    return statement.effect == Effect::allow &&
           std::ranges::count(statement.principals, Principal::Kind::everybody, &Principal::kind) != 0 &&
           std::ranges::none_of(statement.conditions, &PolicyCondition::restricts);
  });
}

bool BucketPolicy::asks_object() const {
  return std::ranges::any_of(statements_, [](const Statement& statement) {
    return std::ranges::any_of(statement.conditions, &PolicyCondition::asks_object);
  });
}

}  // namespace sluice::auth
