#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/fields.h"
#include "gateway/http/message.h"
#include "gateway/object/protection.h"
#include "gateway/s3/error.h"

namespace sluice::s3 {

/// Does a write say how its object is to be protected?
bool declares_protection(const Fields& fields);

/// x-amz-object-lock-*: how a new object is to be protected. Fails with InvalidArgument.
Outcome<object::Protection> read_protection(const Fields& fields, UtcTime now);

/// x-amz-bypass-governance-retention. Fails with InvalidArgument for what is no truth.
Outcome<bool> asks_for_bypass(const Fields& fields);

/// The same of an object as it is.
void add_retention(http::ResponseHeader& header, const object::Retention& retention);
void add_legal_hold(http::ResponseHeader& header, object::LegalHold hold);

/// ObjectLockConfiguration. Fails with MalformedXML, InvalidRetentionPeriod.
Outcome<object::ObjectLock> read_lock_configuration(std::string_view text);
std::string lock_document(const object::ObjectLock& lock);

/// Retention; an empty one takes it away. Fails with MalformedXML.
Outcome<object::Retention> read_retention(std::string_view text);
std::string retention_document(const object::Retention& retention);

/// LegalHold. Fails with MalformedXML.
Outcome<object::LegalHold> read_legal_hold(std::string_view text);
std::string legal_hold_document(object::LegalHold hold);

/// A time as ISO 8601 writes it, to the second at least; without a zone it is UTC's.
std::optional<UtcTime> parse_iso_time(std::string_view text);

}  // namespace sluice::s3
