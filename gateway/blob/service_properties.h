#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/blob/error.h"
#include "gateway/xml/xml.h"

namespace sluice::blob {

/// For how many days something is kept; nothing: it is not.
using RetentionDays = std::optional<std::uint32_t>;

/// What is to be logged. It is stored and told, and nothing is logged for it.
struct Logging {
  std::string version = "1.0";
  bool deletes = false;
  bool reads = false;
  bool writes = false;
  RetentionDays retention;
  friend bool operator==(const Logging&, const Logging&) = default;
};

/// What is to be measured; as Logging.
struct Metrics {
  std::string version = "1.0";
  bool enabled = false;
  bool include_apis = false;
  RetentionDays retention;
  friend bool operator==(const Metrics&, const Metrics&) = default;
};

/// What pages of other origins may do with the service. Words are as they were given.
struct CorsRule {
  std::vector<std::string> origins;
  std::vector<std::string> methods;
  std::vector<std::string> allowed_headers;  ///< Or what they begin with, before a `*`.
  std::vector<std::string> exposed_headers;
  std::uint32_t max_age_s = 0;
  friend bool operator==(const CorsRule&, const CorsRule&) = default;
};

/// The properties of the Blob service of an account ("Set Blob Service Properties", Azure
/// Storage REST API).
struct ServiceProperties {
  Logging logging;
  Metrics hourly;
  Metrics by_minute;
  std::vector<CorsRule> cors;
  std::string default_version;  ///< Of requests that name none; empty: the newest.
  RetentionDays delete_retention;
  bool permanent_delete = false;
  friend bool operator==(const ServiceProperties&, const ServiceProperties&) = default;
};

/// Changes `properties` to what the document says: an element that is not there stays as it is.
/// Fails with InvalidXmlDocument, InvalidXmlNodeValue, MissingRequiredXmlNode, UnsupportedXmlNode, and
/// with FeatureNotSupportedForAccount for a static website.
Outcome<> read_service_properties(std::string_view document, ServiceProperties& properties);

/// The document of all of them, which read_service_properties() reads.
std::string service_properties_document(const ServiceProperties& properties);

}  // namespace sluice::blob
