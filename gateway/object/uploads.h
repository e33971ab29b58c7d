#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/object/objects.h"

namespace sluice::object {

struct UploadOptions {
  std::string owner;  ///< Of the object. Empty: the bucket's.
  ContentHeaders headers;
  Metadata metadata;
  std::optional<DigestAlgorithm> checksum;
  ChecksumType checksum_type = ChecksumType::composite;
  std::string acl{};        ///< Of the object.
  std::string initiator{};  ///< An account; empty: the owner.
  EncryptionRequest encryption{};
  Tags tags{};              ///< Of the object.
  Protection protection{};  ///< Of the object.
};

struct UploadInfo {
  std::string id;
  std::string key;
  std::string owner;      ///< Of the object to be.
  std::string initiator;  ///< Who began it.
  UtcTime begun;
  std::optional<DigestAlgorithm> checksum;
  ChecksumType checksum_type = ChecksumType::composite;
  std::optional<Encryption> encryption{};
};

/// A part that a commit names.
struct PartClaim {
  std::uint32_t number = 0;
  std::string tag;  ///< Hex md5, unquoted; empty: whichever is staged.
  std::optional<Digest> checksum;
};

struct CommitOptions {
  Conditions conditions;
  std::vector<PartClaim> parts;              ///< In ascending order, or invalid_part_order.
  std::uint64_t part_size_min = 5ULL << 20;  ///< For every part but the last.
  std::optional<std::uint64_t> size;         ///< What the object must come to, or invalid_request.
  std::optional<Checksum> checksum;          ///< What it must come to, or digest_mismatch.
  /// Of an upload that a customer encrypts: must be its key. May be left out where the
  /// upload was begun without a checksum.
  std::optional<SecretKey> customer_key{};
};

/// The customer's keys of a part that is copied.
struct CopyKeys {
  std::optional<SecretKey> source;
  std::optional<SecretKey> upload;
};

struct UploadPage {
  struct Item {
    std::string name;  ///< The key, or the prefix that a delimiter folded.
    bool is_prefix = false;
    UploadInfo upload;
  };
  std::vector<Item> items;  ///< By key, then by begin.
  bool truncated = false;
  std::string next_key;  ///< Where to resume, when truncated.
  std::string next_upload_id;
};

struct StagedParts {
  UploadInfo upload;
  std::vector<PartInfo> parts;  ///< By number.
  bool truncated = false;
};

struct Decryption;

/// Objects made of parts that are staged one by one and committed together: S3
/// multipart uploads, Azure blocks. Safe for concurrent use. All but begin() and
/// list() fail with no_such_upload once the upload was committed or abandoned.
class Uploads {
 public:
  static constexpr std::uint32_t kPartNumberMax = 10000;
  static constexpr std::uint64_t kPartSizeMax = 5ULL << 30;

  Uploads(Backend backend, Reclaimer& reclaimer, const Clock& clock, const KeyRing& keys = KeyRing::none())
      : backend_(backend), reclaimer_(reclaimer), clock_(clock), keys_(keys) {}

  Task<UploadInfo> begin(const RequestContext& context, const ObjectName& name, const UploadOptions& options);

  Task<UploadInfo> stat(const RequestContext& context, const ObjectName& name, const std::string& upload_id);

  /// Reads `body` to its end and makes it part `number`; of several for one number
  /// the last to finish stays. Takes md5 and the upload's checksum of `body`, or
  /// `checksum` where the upload has none. `customer_key` is the one that the upload was
  /// begun with; fails as open_object_key().
  Task<PartInfo> stage(const RequestContext& context, const ObjectName& name, const std::string& upload_id,
                       std::uint32_t number, std::optional<DigestAlgorithm> checksum, DigestSource& body,
                       const std::optional<SecretKey>& customer_key = {});

  /// Makes `range` (all without it) of the object `from`, or of `which` state of it, part `number`. Fails with
  /// range_not_satisfiable where the range does not lie within the source.
  /// The bytes are shared unless one of both is encrypted.
  Task<PartInfo> stage_copy(const RequestContext& context, const ObjectName& name, const std::string& upload_id,
                            std::uint32_t number, const ObjectName& from, const Conditions& source_conditions,
                            std::optional<ByteRange> range, const Admission& admit_source = {},
                            const CopyKeys& keys = {}, const Which& which = {});

  /// Makes the object of the claimed parts in one commit; unclaimed parts are given
  /// back. Idempotent: committing again while the object is still the one made
  /// answers the same. Fails with invalid_part, invalid_part_order,
  /// entity_too_small (detail: "number size minimum"), precondition_failed.
  Task<ObjectInfo> commit(const RequestContext& context, const ObjectName& name, const std::string& upload_id,
                          const CommitOptions& options);

  Task<> abandon(const RequestContext& context, const ObjectName& name, const std::string& upload_id);

  Task<StagedParts> parts(const RequestContext& context, const ObjectName& name, const std::string& upload_id,
                          std::uint32_t after, std::size_t limit);

  struct ListOptions {
    std::string prefix;
    std::string delimiter;
    std::string key_after;
    std::string upload_id_after;  ///< Together with key_after: resume within its uploads.
    std::size_t limit = 1000;
  };
  Task<UploadPage> list(const RequestContext& context, const std::string& bucket, const ListOptions& options);

 private:
  struct NewPart;
  static PartInfo told(const NewPart& part);
  Task<> abandon_once(const ObjectName& name, const std::string& upload_id);
  Task<bool> keep(NewPart& part);
  Task<bool> keep_once(NewPart& part);
  Task<std::optional<PartInfo>> stage_current(NewPart& part, std::optional<ByteRange> range);
  Task<bool> share(NewPart& part, const Decryption& decryption, ByteRange range);
  Task<> store(NewPart& part, DigestSource& body);

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const KeyRing& keys_;
};

}  // namespace sluice::object
