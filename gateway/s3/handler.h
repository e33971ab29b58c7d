#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "auth/sigv4.h"
#include "gateway/core/backend.h"
#include "gateway/core/clock.h"
#include "gateway/http/message.h"
#include "gateway/object/buckets.h"
#include "gateway/object/listing.h"
#include "gateway/object/objects.h"
#include "gateway/object/uploads.h"
#include "gateway/s3/access.h"
#include "gateway/s3/acl.h"
#include "gateway/s3/call.h"
#include "gateway/s3/rdma.h"

namespace sluice::s3 {

/// What the handler works with. All must outlive it.
struct Services {
  object::Buckets& buckets;
  object::Objects& objects;
  object::Uploads& uploads;
  Backend backend;
  const auth::SigV4& signatures;
  const Clock& clock;
  const object::KeyRing& keys = object::KeyRing::none();
  Rdma* rdma = nullptr;
};

struct Options {
  std::string region = "us-east-1";
  std::vector<std::string> domains;                  ///< `<bucket>.<domain>` names a bucket (virtual-host style).
  std::map<std::string, std::string> display_names;  ///< Of accounts. Every account there is stands here.
  std::string host_id = "sluice";                    ///< x-amz-id-2.
  std::uint64_t put_size_max = 5ULL << 30;           ///< Of one PUT.
  bool customer_keys_over_http = false;              ///< Also from other machines.
  std::uint64_t part_size_min = 5ULL << 20;          ///< For every part but the last.
};

/// The S3 API over the object layer: tells who asks, whether they may, what is
/// asked, and puts the answer into S3's words. Safe for concurrent use.
class Handler final : public http::Handler {
 public:
  Handler(const Services& services, Options options) : services_(services), options_(std::move(options)) {}

  Awaitable<http::Response> handle(RequestContext& context, const http::Request& request) override;
  std::optional<http::Response> answer_at_once(RequestContext& context, const http::Request& request) override;
  http::Response refuse(RequestContext& context, const http::Refusal& refusal) override;

 private:
  using Method = Awaitable<Answer> (Handler::*)(Call&);
  struct Entry;
  static const Entry kEntries[];

  Awaitable<Answer> answer(Call& call);
  Outcome<> read_target(Call& call) const;
  Outcome<> authenticate(Call& call) const;
  std::optional<http::Response> read_at_hand(Call& call);
  Step<> authorize(Call& call);
  /// What is decided without the bucket; have its settings a say too?
  Outcome<bool> authorize_alone(const Call& call) const;
  /// Takes up what the settings of call.bucket say.
  Outcome<> take_rules(Call& call);
  /// Once the bucket is known: refuses what it decides against. What depends on an
  /// object that is there is left to admission().
  Step<> authorize_in_bucket(Call& call);
  /// What decides about reading the source of a copy; nothing for root.
  Step<std::optional<Access>> authorize_source(Call& call, const object::ObjectName& source);
  /// To be asked about the object as it is read.
  object::Admission admission(const Call& call, const std::optional<Access>& access) const;
  /// The bucket of the request, looked up now if it has not been.
  Step<object::BucketInfo> bucket_of(Call& call);

  http::ResponseHeader begin(const Call& call, unsigned status = 200) const;
  http::Response document(const Call& call, std::string text) const;
  http::Response document(const Call& call, Chunk text) const;
  std::string_view display_name(const std::string& account) const;

  // bucket_ops.cc
  Awaitable<Answer> not_implemented(Call& call);
  Awaitable<Answer> bucket_probe(Call& call);
  Answer probe(const Call& call) const;
  Awaitable<Answer> list_buckets(Call& call);
  Awaitable<Answer> create_bucket(Call& call);
  Awaitable<Answer> head_bucket(Call& call);
  Awaitable<Answer> delete_bucket(Call& call);
  Awaitable<Answer> get_bucket_location(Call& call);

  // encryption_ops.cc
  Awaitable<Answer> get_bucket_encryption(Call& call);
  Awaitable<Answer> put_bucket_encryption(Call& call);
  Awaitable<Answer> delete_bucket_encryption(Call& call);

  // acl_ops.cc
  Awaitable<Answer> get_bucket_acl(Call& call);
  Awaitable<Answer> put_bucket_acl(Call& call);
  Awaitable<Answer> get_object_acl(Call& call);
  Awaitable<Answer> put_object_acl(Call& call);
  Step<auth::Acl> acl_of(Call& call, const AclOwners& owners);
  Outcome<> check_acl(const Call& call, const object::BucketInfo& bucket, const auth::Acl& acl);
  struct Placement {
    std::string owner;  ///< Empty: the bucket's.
    std::string acl;
  };
  Step<Placement> place(Call& call);

  // access_ops.cc
  Awaitable<Answer> get_bucket_policy(Call& call);
  Awaitable<Answer> put_bucket_policy(Call& call);
  Awaitable<Answer> delete_bucket_policy(Call& call);
  Awaitable<Answer> get_bucket_policy_status(Call& call);
  Awaitable<Answer> get_public_access_block(Call& call);
  Awaitable<Answer> put_public_access_block(Call& call);
  Awaitable<Answer> delete_public_access_block(Call& call);
  Awaitable<Answer> get_ownership_controls(Call& call);
  Awaitable<Answer> put_ownership_controls(Call& call);
  Awaitable<Answer> delete_ownership_controls(Call& call);
  Step<> change_settings(Call& call, const object::Buckets::Edit& edit);

  // cors_ops.cc
  Awaitable<Answer> get_bucket_cors(Call& call);
  Awaitable<Answer> put_bucket_cors(Call& call);
  Awaitable<Answer> delete_bucket_cors(Call& call);
  Awaitable<Answer> preflight(Call& call);
  Awaitable<> share(Call& call, http::Response& response);
  http::Response empty(const Call& call, unsigned status) const;

  // version_ops.cc
  Awaitable<Answer> get_bucket_versioning(Call& call);
  Awaitable<Answer> put_bucket_versioning(Call& call);
  /// Says which version an answer is about, where the bucket has versions.
  void add_version(http::ResponseHeader& header, const Call& call, const object::ObjectInfo& info) const;
  /// Says of an object that is not there whether a delete marker is.
  Step<> tell_marker(Call& call, Failure& failure);

  // tagging_ops.cc
  Awaitable<Answer> get_object_tagging(Call& call);
  Awaitable<Answer> put_object_tagging(Call& call);
  Awaitable<Answer> delete_object_tagging(Call& call);
  Awaitable<Answer> get_bucket_tagging(Call& call);
  Awaitable<Answer> put_bucket_tagging(Call& call);
  Awaitable<Answer> delete_bucket_tagging(Call& call);
  Step<http::Response> change_tags(Call& call, const object::Tags& tags, unsigned status);

  // lock_ops.cc
  Awaitable<Answer> get_object_lock_configuration(Call& call);
  Awaitable<Answer> put_object_lock_configuration(Call& call);
  Awaitable<Answer> get_object_retention(Call& call);
  Awaitable<Answer> put_object_retention(Call& call);
  Awaitable<Answer> get_object_legal_hold(Call& call);
  Awaitable<Answer> put_object_legal_hold(Call& call);
  /// May the sender do that too to what the request is about, as far as the bucket decides?
  bool may(const Call& call, std::string_view permission) const;
  /// Does the request ask to pass by governance retention, and may it?
  Outcome<object::Bypass> bypass_of(const Call& call) const;
  /// How a write says that its object is to be protected.
  Outcome<object::Protection> protection_of(const Call& call) const;
  void add_protection(http::ResponseHeader& header, const Call& call, const object::ObjectInfo& info) const;
  Step<object::Protection> protection_there(Call& call);
  Step<http::Response> protect(Call& call, object::ProtectionChange change);

  // list_ops.cc
  Awaitable<Answer> list_objects(Call& call);
  Awaitable<Answer> list_objects_v2(Call& call);
  Awaitable<Answer> list_object_versions(Call& call);
  Awaitable<Answer> list_multipart_uploads(Call& call);
  Awaitable<Answer> list_parts(Call& call);
  Step<object::ListEnd> list(Call& call, const object::ListOptions& options,
                             std::shared_ptr<object::ListVisitor> visitor);
  Step<object::VersionPage> list_versions(Call& call, const object::ListOptions& asked, std::string_view marker);

  // object_ops.cc
  Awaitable<Answer> get_object(Call& call);
  Awaitable<Answer> head_object(Call& call);
  Awaitable<Answer> put_object(Call& call);
  Awaitable<Answer> delete_object(Call& call);
  Awaitable<Answer> delete_objects(Call& call);
  Awaitable<Answer> get_object_attributes(Call& call);
  Outcome<object::OpenOptions> read_options(const Call& call) const;
  bool may_carry_keys(const Call& call) const;
  /// What of an object is shown: `part` is null unless one was asked for.
  struct Shown {
    const object::ObjectInfo& info;
    ByteRange range;
    bool partial = false;
    const object::PartInfo* part = nullptr;
    bool ranged = false;                                 ///< By a Range field.
    const MadeOnce<std::string>* description = nullptr;  ///< Where to keep the lines that tell of the object.
  };
  static Shown shown(const object::Selection& selection, bool ranged);
  http::Response describe(const Call& call, const Shown& shown) const;
  Step<Failure> explain_read(Call& call, const Error& error);
  Awaitable<Answer> refuse_read(Call& call, const Error& error);

  // rdma_ops.cc
  Awaitable<Answer> connect_rdma(Call& call);
  /// Where the request offers memory for the object's bytes: takes it, or fails as Rdma::take().
  Step<> take_offer(Call& call);
  /// What the answer says of that.
  void tell_offer(Call& call, http::Response& response) const;
  /// Puts the bytes of `opened` there, and answers with `response` without a body.
  Awaitable<Answer> store_offered(Call& call, http::Response response, object::OpenObject opened);

  // copy_ops.cc
  Awaitable<Answer> copy_object(Call& call);
  Awaitable<Answer> upload_part_copy(Call& call);

  // upload_ops.cc
  Awaitable<Answer> create_multipart_upload(Call& call);
  Awaitable<Answer> upload_part(Call& call);
  Awaitable<Answer> complete_multipart_upload(Call& call);
  Awaitable<Answer> abort_multipart_upload(Call& call);

  Services services_;
  Options options_;
  PolicyCache policies_;
};

}  // namespace sluice::s3
