#pragma once

#include <functional>
#include <string>
#include <vector>

#include "auth/azure_account.h"
#include "auth/sas.h"
#include "auth/shared_key.h"
#include "gateway/blob/batch.h"
#include "gateway/blob/call.h"
#include "gateway/blob/paging.h"
#include "gateway/blob/service_cache.h"
#include "gateway/blob/source.h"
#include "gateway/core/backend.h"
#include "gateway/core/clock.h"
#include "gateway/http/message.h"
#include "gateway/object/accounts.h"
#include "gateway/object/append.h"
#include "gateway/object/blocks.h"
#include "gateway/object/buckets.h"
#include "gateway/object/leases.h"
#include "gateway/object/listing.h"
#include "gateway/object/objects.h"
#include "gateway/object/pages.h"

namespace sluice::blob {

/// What the handler works with. All must outlive it.
struct Services {
  object::Buckets& buckets;
  object::Objects& objects;
  object::Blocks& blocks;
  object::Leases& leases;
  object::Appends& appends;
  object::Pages& pages;
  Backend backend;
  const auth::AzureAccounts& accounts;
  const Clock& clock;
};

struct Options {
  std::vector<std::string> domains;            ///< account.blob.<domain> names an account (host style).
  std::uint64_t put_size_max = 5000ULL << 20;  ///< Of one Put Blob.
  bool customer_keys_over_http = false;        ///< Also from other machines.
  /// Other processes set the properties of accounts too: they are read for each request.
  bool has_peers = false;
  /// How long what is archived takes to come back: Standard and High.
  object::Objects::Pace rehydration{.normal = std::chrono::minutes(1), .urgent = std::chrono::seconds(1)};
};

/// The stored access policy that a signature names, of its container; nothing if it
/// names none, or one that is not there.
std::optional<auth::StoredAccessPolicy> policy_of(const auth::SignedSas& signed_sas, const object::BucketInfo& bucket);

/// The Azure Blob service over the object layer: tells who asks, whether they may,
/// what is asked, and puts the answer into the service's words. Safe for
/// concurrent use.
class Handler final : public http::Handler {
 public:
  Handler(const Services& services, Options options)
      : services_(services),
        options_(std::move(options)),
        accounts_(services.backend),
        service_cache_(services.clock),
        shared_key_(services.clock),
        sas_(services.clock) {}

  Awaitable<http::Response> handle(RequestContext& context, const http::Request& request) override;
  http::Response refuse(RequestContext& context, const http::Refusal& refusal) override;
  std::optional<http::Response> answer_at_once(RequestContext& context, const http::Request& request) override;

 private:
  using Method = Awaitable<Answer> (Handler::*)(Call&);
  struct Entry;
  static const Entry kEntries[];

  Awaitable<http::Response> respond(Call& call);
  Awaitable<Answer> answer(Call& call);
  void add_common(const Call& call, http::ResponseHeader& header) const;

  // read_at_hand.cc
  std::optional<http::Response> read_at_hand(Call& call);

  // authorize.cc
  Step<> authenticate(Call& call);
  Outcome<auth::SignedSas> verify_sas(const Call& call) const;
  /// Takes what the signature grants now; `container`, where it is there, has its access policies.
  Outcome<> take_grant(Call& call, const auth::SignedSas& signed_sas, const object::BucketInfo* container);
  Step<> admit_sas(Call& call);
  Step<> admit_anonymous(Call& call);
  /// Tags are written and asked about by those alone who have a permission for them.
  static Outcome<> check_tag_permission(const Call& call);
  Step<> check_container(Call& call);
  /// Is the container the account's, and may the sender read the blob, by what memory has?
  bool admit_at_hand(Call& call);
  /// The container of the request, looked up now if it has not been. One of another
  /// account is not there.
  Step<object::BucketInfo> bucket_of(Call& call);
  /// The same, where x-ms-lease-id names its lease or is not there.
  Step<object::BucketInfo> leased_bucket_of(Call& call);

  /// A document, or an answer without a body.
  http::Response document(unsigned status, std::string text) const;
  http::Response empty(unsigned status) const;
  /// scheme://host/account/, as the client reaches this service.
  std::string endpoint(const Call& call) const;

  // account_ops.cc
  Awaitable<Answer> not_implemented(Call& call);
  Awaitable<Answer> list_containers(Call& call);
  Awaitable<Answer> get_service_stats(Call& call);
  Awaitable<Answer> get_account_information(Call& call);

  // service_ops.cc
  Awaitable<Answer> preflight(Call& call);
  Awaitable<Answer> get_service_properties(Call& call);
  Awaitable<Answer> set_service_properties(Call& call);
  /// The properties of the account's service: those of kServiceAge ago at most.
  Step<std::shared_ptr<const ServiceProperties>> service_of(Call& call);
  Step<std::shared_ptr<const ServiceProperties>> read_service(Call& call);

  // delegation_ops.cc
  Awaitable<Answer> get_user_delegation_key(Call& call);

  // container_ops.cc
  Awaitable<Answer> create_container(Call& call);
  Awaitable<Answer> get_container(Call& call);
  Awaitable<Answer> set_container_metadata(Call& call);
  Awaitable<Answer> delete_container(Call& call);

  // lease_ops.cc
  Awaitable<Answer> lease_blob(Call& call);
  Awaitable<Answer> lease_container(Call& call);

  // append_ops.cc
  Awaitable<Answer> create_append_blob(Call& call);
  Awaitable<Answer> append_block(Call& call);
  Awaitable<Answer> append_block_from_url(Call& call);
  Awaitable<Answer> seal_blob(Call& call);

  // page_ops.cc
  Awaitable<Answer> create_page_blob(Call& call);
  Awaitable<Answer> put_page(Call& call);
  Awaitable<Answer> put_page_from_url(Call& call);
  Awaitable<Answer> clear_page(Call& call);
  Awaitable<Answer> get_page_ranges(Call& call);
  Awaitable<Answer> resize_page_blob(Call& call);
  Awaitable<Answer> update_sequence_number(Call& call);

  // acl_ops.cc
  Awaitable<Answer> get_container_acl(Call& call);
  Awaitable<Answer> set_container_acl(Call& call);

  // list_ops.cc
  Awaitable<Answer> list_blobs(Call& call);
  /// Write a page into `xml`, and tell behind what the next one begins.
  Step<std::string> write_current(Call& call, const Paging& paging, const Includes& includes, xml::Writer& xml);
  Step<std::string> write_states(Call& call, const Paging& paging, const Includes& includes, xml::Writer& xml);

  // blob_ops.cc
  Awaitable<Answer> put_blob(Call& call);
  Awaitable<Answer> get_blob(Call& call);
  Awaitable<Answer> get_blob_properties(Call& call);
  Awaitable<Answer> delete_blob(Call& call);
  Awaitable<Answer> undelete_blob(Call& call);

  // snapshot_ops.cc
  Awaitable<Answer> snapshot_blob(Call& call);
  /// Adds of which version an answer tells, and whether that is the current one.
  Step<> add_version(Call& call, const object::Which& which, const object::ObjectInfo& info,
                     http::ResponseHeader& header);

  // tag_ops.cc
  Awaitable<Answer> get_blob_tags(Call& call);
  Awaitable<Answer> set_blob_tags(Call& call);
  Awaitable<Answer> find_blobs_by_tags(Call& call);

  // tier_ops.cc
  Awaitable<Answer> set_blob_tier(Call& call);
  /// The tier of a copy of `source`: it is on its way back where that is archived.
  object::Tiering copied_tier(const object::ObjectInfo& source, object::Objects::TierChoice choice) const;

  // retention_ops.cc
  Awaitable<Answer> set_immutability_policy(Call& call);
  Awaitable<Answer> delete_immutability_policy(Call& call);
  Awaitable<Answer> set_legal_hold(Call& call);
  Step<object::ObjectInfo> protect(Call& call, object::ProtectionChange change);
  /// How a write says that its blob is to be protected, if it may. Fails as read_protection().
  Outcome<object::Protection> protection_of(const Call& call) const;

  // batch_ops.cc
  Awaitable<Answer> submit_batch(Call& call);
  Outcome<> check_batch(const Call& call, const std::vector<Subrequest>& parts) const;

  // property_ops.cc
  Awaitable<Answer> set_blob_properties(Call& call);
  Awaitable<Answer> set_blob_metadata(Call& call);
  Awaitable<Answer> get_blob_metadata(Call& call);
  using BlobEdit = std::function<void(object::ObjectInfo&)>;
  Step<object::ObjectInfo> change_blob(Call& call, const BlobEdit& edit);
  Step<object::ObjectInfo> copy_changed(Call& call, const BlobEdit& edit);

  // block_ops.cc
  Awaitable<Answer> put_block(Call& call);
  Awaitable<Answer> put_block_from_url(Call& call);
  Awaitable<Answer> put_block_list(Call& call);
  Awaitable<Answer> get_block_list(Call& call);

  // source.cc
  /// The blob that x-ms-copy-source names, if the sender may read it.
  Step<Source> read_source(Call& call);
  /// The key of the customer's in the headers that begin with `names`, if there is one.
  Outcome<std::optional<SecretKey>> customer_key(const Call& call, std::string_view names = "x-ms-encryption-") const;
  Step<> authorize_source(Call& call, const Target& target, const auth::AzureAccount& account, const SourceUrl& url);
  Step<> check_source_digest(Call& call, Source& source);
  /// The bytes of x-ms-source-range, or all.
  Step<object::OpenObject> open_source(Call& call, const Source& source);

  // copy_ops.cc
  Awaitable<Answer> copy_blob(Call& call);
  Awaitable<Answer> copy_blob_incrementally(Call& call);
  /// What is not for the kind of a blob may be so because that is an incremental copy.
  Awaitable<Failure> explain_kind(Call& call, Failure failure);
  Awaitable<Answer> put_blob_from_url(Call& call);
  Awaitable<Answer> abort_copy(Call& call);
  Step<object::CopyOptions> copy_options(Call& call, const Source& source);
  Step<object::ObjectInfo> copy(Call& call, const Source& source, const object::CopyOptions& options);

  Services services_;
  Options options_;
  object::Accounts accounts_;
  ServiceCache service_cache_;
  auth::SharedKey shared_key_;
  auth::Sas sas_;
};

}  // namespace sluice::blob
