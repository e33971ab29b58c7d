#pragma once

#include <string_view>

#include "gateway/s3/error.h"
#include "gateway/xml/xml.h"

namespace sluice::s3 {

using XmlElement = xml::Element;
using XmlDocument = xml::Document;

/// Writes one document of the S3 API.
class XmlWriter : public xml::Writer {
 public:
  /// The root of a success document, in the namespace of 2006-03-01.
  void open_root(std::string_view name) { open_raw(name, " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""); }

  /// `<ETag>"tag"</ETag>`
  void etag(std::string_view tag) {
    open("ETag");
    characters("\"");
    characters(tag);
    characters("\"");
    close();
  }
};

}  // namespace sluice::s3
