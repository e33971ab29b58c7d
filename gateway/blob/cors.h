#pragma once

#include "gateway/blob/call.h"
#include "gateway/blob/service_properties.h"
#include "gateway/http/message.h"

namespace sluice::blob {

/// The answer to a preflight ("Preflight Blob Request", Azure Storage REST API): what the first
/// rule allows that allows what is asked. Fails with MissingRequiredHeader, and with
/// CorsPreflightFailure where none does.
Outcome<http::ResponseHeader> answer_preflight(const Fields& fields, const ServiceProperties& properties);

/// Adds to an answer what lets a page of the request's Origin see it, where a rule does ("Cross-Origin
/// Resource Sharing support for Azure Storage").
void add_cors(const Call& call, const ServiceProperties& properties, http::ResponseHeader& header);

}  // namespace sluice::blob
