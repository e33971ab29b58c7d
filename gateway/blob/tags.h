#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "gateway/blob/error.h"
#include "gateway/object/info.h"
#include "gateway/xml/xml.h"

namespace sluice::blob {

/// The tags of x-ms-tags: a query string. Fails with EmptyTagName, DuplicateTagNames,
/// TagsTooLarge (more than 10, or one too long), InvalidTag for characters that tags
/// have not ("Set Blob Tags", Azure Storage REST API).
Outcome<object::Tags> parse_tags(std::string_view header);

/// Those of a Tags document; InvalidXmlDocument where it is none.
Outcome<object::Tags> read_tags(std::string_view text);

/// `<Tags>`, with the tags that are `wanted` (null: all).
void write_tags(xml::Writer& xml, const object::Tags& tags,
                const std::function<bool(std::string_view)>& wanted = nullptr);

}  // namespace sluice::blob
