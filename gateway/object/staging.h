#pragma once

#include "gateway/object/catalog.h"
#include "gateway/object/uploads.h"

namespace sluice::object {

/// Could this be the id of an upload? What could not must not be made part of a key.
bool may_be_upload(std::string_view upload_id);

/// The upload's row, read by itself. Fails with no_such_bucket or no_such_upload.
Task<UploadRecord> find_upload(Index& index, const ObjectName& name, const std::string& upload_id);

UploadInfo info_of(const std::string& key, const std::string& upload_id, const UploadRecord& record);

}  // namespace sluice::object
