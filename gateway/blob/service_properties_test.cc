#include <catch2/catch.hpp>

#include "gateway/blob/service_properties.h"

namespace sluice::blob {
namespace {

std::string document(const std::string& inside) {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?><StorageServiceProperties>" + inside +
         "</StorageServiceProperties>";
}

std::string error_of(const std::string& inside) {
  ServiceProperties properties;
  const auto read = read_service_properties(document(inside), properties);
  CHECK((read || properties == ServiceProperties{}));
  return read ? "none" : std::string(row_of(read.error().code).name);
}

std::string rule(const std::string& origins, const std::string& methods, const std::string& headers = "",
                 const std::string& age = "5") {
  return "<CorsRule><AllowedOrigins>" + origins + "</AllowedOrigins><AllowedMethods>" + methods +
         "</AllowedMethods><AllowedHeaders>" + headers + "</AllowedHeaders><ExposedHeaders></ExposedHeaders>" +
         "<MaxAgeInSeconds>" + age + "</MaxAgeInSeconds></CorsRule>";
}

constexpr const char* kNoRetention = "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>";

}  // namespace

TEST_CASE("what is set of a service is read back from its document") {
  ServiceProperties properties;
  const std::string everything =
      "<Logging><Version>1.0</Version><Delete>true</Delete><Read>false</Read><Write>true</Write>"
      "<RetentionPolicy><Enabled>true</Enabled><Days>3</Days></RetentionPolicy></Logging>"
      "<HourMetrics><Version>1.0</Version><Enabled>true</Enabled><IncludeAPIs>false</IncludeAPIs>" +
      std::string(kNoRetention) + "</HourMetrics><MinuteMetrics><Version>1.0</Version><Enabled>false</Enabled>" +
      kNoRetention + "</MinuteMetrics><Cors>" +
      rule("https://a.example,https://*.b.example", "GET,PUT", "x-ms-*,accept") +
      "</Cors><DefaultServiceVersion>2020-10-02</DefaultServiceVersion>"
      "<DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></DeleteRetentionPolicy>"
      "<StaticWebsite><Enabled>false</Enabled></StaticWebsite>";

  REQUIRE(read_service_properties(document(everything), properties));

  CHECK(properties.logging.deletes);
  CHECK_FALSE(properties.logging.reads);
  CHECK(properties.logging.retention == 3U);
  CHECK(properties.hourly.enabled);
  CHECK_FALSE(properties.by_minute.enabled);
  REQUIRE(properties.cors.size() == 1);
  CHECK(properties.cors[0].origins == std::vector<std::string>{"https://a.example", "https://*.b.example"});
  CHECK(properties.cors[0].max_age_s == 5);
  CHECK(properties.default_version == "2020-10-02");
  CHECK(properties.delete_retention == 7U);
  ServiceProperties again;
  REQUIRE(read_service_properties(service_properties_document(properties), again));
  CHECK(again == properties);
}

TEST_CASE("what a document leaves out stays as it was") {
  ServiceProperties properties;
  properties.delete_retention = 7;
  properties.default_version = "2020-10-02";

  REQUIRE(read_service_properties(document("<Cors>" + rule("*", "GET") + "</Cors>"), properties));
  CHECK(properties.delete_retention == 7U);
  CHECK(properties.cors.size() == 1);
  REQUIRE(read_service_properties(document("<Cors/>"), properties));
  CHECK(properties.cors.empty());
  REQUIRE(read_service_properties(document("<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>"),
                                  properties));
  CHECK_FALSE(properties.delete_retention);
  CHECK(properties.default_version == "2020-10-02");
}

TEST_CASE("properties that cannot be are refused, each by its name") {
  const auto retention = [](const std::string& inside) {
    return error_of("<DeleteRetentionPolicy>" + inside + "</DeleteRetentionPolicy>");
  };
  CHECK(retention("<Enabled>true</Enabled><Days>1</Days>") == "none");
  CHECK(retention("<Enabled>true</Enabled><Days>365</Days><AllowPermanentDelete>true</AllowPermanentDelete>") ==
        "none");
  CHECK(retention("<Enabled>true</Enabled><Days>0</Days>") == "InvalidXmlNodeValue");
  CHECK(retention("<Enabled>true</Enabled><Days>366</Days>") == "InvalidXmlNodeValue");
  CHECK(retention("<Enabled>true</Enabled>") == "MissingRequiredXmlNode");
  CHECK(retention("<Enabled>false</Enabled><Days>3</Days>") == "InvalidXmlNodeValue");
  CHECK(retention("<Enabled>yes</Enabled>") == "InvalidXmlNodeValue");
  CHECK(retention("<Days>3</Days>") == "MissingRequiredXmlNode");
  CHECK(retention("<Enabled>false</Enabled><Weeks>3</Weeks>") == "UnsupportedXmlNode");
  CHECK(error_of("<Something/>") == "UnsupportedXmlNode");
  CHECK(error_of("<Cors/><Cors/>") == "InvalidXmlDocument");
  CHECK(error_of("<Cors>") == "InvalidXmlDocument");
  CHECK(error_of("<DefaultServiceVersion>soon</DefaultServiceVersion>") == "InvalidXmlNodeValue");
  CHECK(error_of("<StaticWebsite><Enabled>true</Enabled></StaticWebsite>") == "FeatureNotSupportedForAccount");
  CHECK(error_of("<Logging><Version>1.0</Version></Logging>") == "MissingRequiredXmlNode");
  const auto metrics = [](const std::string& inside) {
    return error_of("<HourMetrics><Version>1.0</Version>" + inside + kNoRetention + "</HourMetrics>");
  };
  CHECK(metrics("<Enabled>true</Enabled>") == "MissingRequiredXmlNode");
  CHECK(metrics("<Enabled>false</Enabled><IncludeAPIs>true</IncludeAPIs>") == "InvalidXmlNodeValue");
  CHECK(error_of("<HourMetrics><Version>3.0</Version><Enabled>false</Enabled></HourMetrics>") == "InvalidXmlNodeValue");
}

TEST_CASE("rules for other origins are whole and bounded") {
  const auto cors = [](const std::string& rules) { return error_of("<Cors>" + rules + "</Cors>"); };
  std::string five;
  for (int i = 0; i < 5; ++i) five += rule("*", "GET");
  CHECK(cors(five) == "none");
  CHECK(cors(five + rule("*", "GET")) == "InvalidXmlDocument");
  CHECK(cors("<Rule/>") == "InvalidXmlDocument");
  CHECK(cors("<CorsRule><AllowedOrigins>*</AllowedOrigins></CorsRule>") == "MissingRequiredXmlNode");
  CHECK(cors(rule("", "GET")) == "InvalidXmlNodeValue");
  CHECK(cors(rule("*", "")) == "InvalidXmlNodeValue");
  CHECK(cors(rule("*", "FETCH")) == "InvalidXmlNodeValue");
  CHECK(cors(rule("a,,b", "GET")) == "InvalidXmlNodeValue");
  CHECK(cors(rule("a,", "GET")) == "InvalidXmlNodeValue");
  CHECK(cors(rule("*", "GET", "a*,b*,c*")) == "InvalidXmlNodeValue");
  CHECK(cors(rule("*", "GET", "a*,b*,c")) == "none");
  CHECK(cors(rule("*", "GET", "", "-1")) == "InvalidXmlNodeValue");
  CHECK(cors(rule(std::string(257, 'x'), "GET")) == "InvalidXmlNodeValue");
  std::string many = "x";
  for (int i = 0; i < 64; ++i) many += ",x";
  CHECK(cors(rule(many, "GET")) == "InvalidXmlNodeValue");
  std::string long_rules;
  for (int i = 0; i < 5; ++i) long_rules += rule(std::string(250, 'x') + "," + std::string(250, 'y'), "GET");
  CHECK(cors(long_rules) == "InvalidXmlDocument");
}

}  // namespace sluice::blob
