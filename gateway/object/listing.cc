#include "gateway/object/listing.h"

#include <algorithm>

#include "gateway/object/catalog.h"
#include "gateway/object/cursor.h"
#include "gateway/object/known_bucket.h"

namespace sluice::object {
namespace {

// No key is longer than the limit, so one byte more tells as much as all of `after` does.
std::string_view clamped(std::string_view after) { return after.substr(0, kKeySizeMax + 1); }

std::string start(const std::string& rows, const ListOptions& options) {
  const auto after = clamped(options.after);
  if (folded(after, options.prefix, options.delimiter) == after) return successor(rows + std::string(after));
  return rows + std::string(after) + '\0';
}

/// Makes entries of rows.
class RowLister final : public RowVisitor {
 public:
  RowLister(std::string rows, ListOptions options, std::shared_ptr<ListVisitor> visitor)
      : rows_(std::move(rows)), options_(std::move(options)), visitor_(std::move(visitor)) {}

  Walk see(std::string_view key, std::string_view value) override {
    const auto outline = ObjectOutline::read(value);
    if (!outline) return stop(key, outline.error());
    if (outline->delete_marker || outline->soft_deleted) return Walk::on;
    if (end_.count == options_.limit) {
      end_.truncated = true;
      return Walk::stop;
    }
    const auto name = key.substr(rows_.size());
    if (const auto prefix = folded(name, options_.prefix, options_.delimiter)) return fold(*prefix);
    if (const auto shown = visitor_->object(name, *outline, value); !shown) return stop(key, shown.error());
    ++end_.count;
    end_.last = name;
    return Walk::on;
  }

  std::string_view skip_to() const override { return skip_to_; }

  Result<ListEnd> take() {
    if (error_) return std::unexpected(std::move(*error_));
    return std::move(end_);
  }

 private:
  Walk fold(std::string_view prefix) {
    visitor_->prefix(prefix);
    ++end_.count;
    end_.last = prefix;
    skip_to_ = successor(rows_ + end_.last);
    return Walk::skip;
  }

  Walk stop(std::string_view key, Error error) {
    error_ = std::move(error);
    error_->detail.append(" ").append(key);
    return Walk::stop;
  }

  const std::string rows_;  ///< What the keys of the bucket's rows begin with.
  const ListOptions options_;
  const std::shared_ptr<ListVisitor> visitor_;
  ListEnd end_;
  std::string skip_to_;
  std::optional<Error> error_;
};

/// Keeps what it is shown.
class PageMaker final : public ListVisitor {
 public:
  Result<> object(std::string_view key, const ObjectOutline&, std::string_view row) override {
    TRY(auto record, ObjectRecord::decode(row));
    auto& entry = page.entries.emplace_back();
    entry.name = key;
    entry.info = std::move(record.info);
    return done;
  }
  void prefix(std::string_view name) override { page.entries.push_back({std::string(name), true, {}}); }

  ListPage page;
};

}  // namespace

Task<ListEnd> show_objects(Backend backend, const std::string& bucket, const ListOptions& options,
                           std::shared_ptr<ListVisitor> visitor) {
  CO_TRY(co_await find_bucket(backend.index, bucket));
  if (options.limit == 0 || options.prefix.size() > kKeySizeMax) co_return ListEnd{};

  auto rows = objects_prefix(bucket);
  auto range = keys_with(rows + options.prefix);
  range.begin = std::max(range.begin, rows + std::string(clamped(options.from)));
  if (!options.after.empty()) range.begin = std::max(range.begin, start(rows, options));
  const auto lister = std::make_shared<RowLister>(std::move(rows), options, std::move(visitor));
  const auto transaction = backend.index.begin();
  CO_TRY(co_await transaction->walk(std::move(range), lister, options.limit + 1));
  co_return lister->take();
}

Task<ListPage> list_objects(Backend backend, const RequestContext&, const std::string& bucket,
                            const ListOptions& options) {
  const auto maker = std::make_shared<PageMaker>();
  CO_TRY(const auto end, co_await show_objects(backend, bucket, options, maker));
  maker->page.truncated = end.truncated;
  co_return std::move(maker->page);
}

}  // namespace sluice::object
