#pragma once

#include <optional>

#include "gateway/core/digest.h"
#include "gateway/object/conditions.h"
#include "gateway/s3/aws_chunked.h"
#include "gateway/s3/call.h"
#include "gateway/s3/checksum.h"

namespace sluice::s3 {

/// Passes a body through, and fails with entity_too_large beyond `size_max`.
class LimitedSource : public BodySource {
 public:
  LimitedSource(BodySource& inner, std::uint64_t size_max) : inner_(inner), left_(size_max) {}
  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return inner_.remaining(); }

 private:
  BodySource& inner_;
  std::uint64_t left_;
};

/// The body of one write, as its client means it: taken out of aws-chunked framing,
/// and held to every length, hash, checksum and chunk signature that came with it.
/// What fails any of them never ends well. Lives in the frame that reads it.
class WriteBody {
 public:
  struct Rules {
    std::uint64_t size_max = 0;
    bool needs_length = false;    ///< Without any length it is refused with MissingContentLength.
    bool has_checksum = true;     ///< x-amz-checksum-* are about this body.
    bool needs_checksum = false;  ///< A Content-MD5 or a checksum must be there.
  };

  WriteBody(const Call& call, const Rules& rules) : call_(call), rules_(rules) {}
  WriteBody(const WriteBody&) = delete;
  WriteBody& operator=(const WriteBody&) = delete;

  /// Reads what the header says of the body, and refuses what cannot be right,
  /// before a byte of it is read. Called once, first.
  Outcome<> prepare();

  DigestSource& source() { return *digests_; }

  /// The checksum that came or will come with the body.
  std::optional<DigestAlgorithm> checksum_algorithm() const { return checksum_.algorithm(); }

  /// The answer for `error`, which came of reading this body or of what was done with it.
  Failure explain(const Error& error) const;

 private:
  Outcome<std::optional<std::uint64_t>> declared_length() const;
  Outcome<> unframe();
  Outcome<> expect_md5();
  Outcome<> expect_checksum();
  /// Where the bytes come from: the request's body, or its client's memory.
  BodySource& origin() const;
  bool is_chunked() const;
  bool is_signed_in_chunks() const;

  const Call& call_;
  const Rules rules_;
  BodySource* bytes_ = nullptr;  ///< The last of the sources below that there is.
  std::optional<LimitedSource> limited_;
  std::optional<AwsChunkedSource> chunked_;
  std::optional<DigestSource> digests_;
  DeclaredChecksum checksum_;
  std::uint64_t length_ = 0;
};

/// The answer where bytes of a client's memory could not be moved.
Failure not_moved(const Error& error);

/// A PUT that names a part but no upload, or a version, must not become a PUT of the object.
Outcome<> check_plain_write(const Call& call);

/// `failure`, the answer for `error`, or what a lost race means to a conditional write.
Failure explain_write(Failure failure, const Error& error, const object::Conditions& conditions);

/// The whole of a small body, such as a document. Empty if there is none.
Step<std::string> read_document(const Call& call, const WriteBody::Rules& rules);

}  // namespace sluice::s3
