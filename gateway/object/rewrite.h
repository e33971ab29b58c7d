#pragma once

#include <memory>
#include <optional>

#include "gateway/core/clock.h"
#include "gateway/object/catalog.h"
#include "gateway/object/content.h"
#include "gateway/object/reclaimer.h"
#include "gateway/object/references.h"

namespace sluice::object {

/// A content that was stored once more, and the record that shall name it. Nothing
/// names it yet; unless it is kept, it is given back.
struct Rewritten {
  ObjectRecord record;
  StoredBody body;                     ///< Of a content that is no manifest.
  std::unique_ptr<Building> building;  ///< Of a manifest: its rows stand in the index.
};

/// The content of an object as it is to be read, and how it is to be stored.
struct Rewrite {
  Backend backend;
  Reclaimer& reclaimer;
  const Clock& clock;
  Reclaimer::Reading reading;
  const ObjectRecord& source;
  const Decryption& decryption;
  const std::optional<ObjectKey>& key;  ///< Nothing: plain.
};

/// Reads the bytes of an object and stores them anew, part by part where it has parts.
/// The record is the source's, but for content, seal, md5 and encryption. Nothing: the
/// object was replaced meanwhile.
Task<std::optional<Rewritten>> rewrite(const Rewrite& what);

/// Puts into the transaction of `rows` what names the content beside the object's row,
/// and takes away the mark of a manifest. Fails with conflict if that is gone.
Task<> name_rewritten(Catalog& rows, References& references, const Rewritten& rewritten);

}  // namespace sluice::object
