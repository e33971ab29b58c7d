#include "backends/rdma/etcd_tls.h"

#include <openssl/ssl.h>

#include <stdexcept>

namespace sluice::rdma {

namespace ssl = boost::asio::ssl;

EtcdTls::EtcdTls(const EtcdAccess& access) : access_(access), read_at_(times()) {
  auto loaded = load();
  if (!loaded) throw std::runtime_error("etcd: " + loaded.error().detail);
  current_ = *std::move(loaded);
}

EtcdTls::Times EtcdTls::times() const {
  Times times;
  for (const auto& file : {access_.ca_file, access_.certificate_file, access_.key_file}) {
    std::error_code absent;
    times.push_back(std::filesystem::last_write_time(file, absent));
  }
  return times;
}

Result<std::shared_ptr<ssl::context>> EtcdTls::load() const {
  const auto wrong = [](const std::string& file, const boost::system::error_code& error) {
    return fail(ErrorCode::invalid_argument, file + ": " + error.message());
  };
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  boost::system::error_code error;
  context->set_verify_mode(ssl::verify_peer, error);
  if (error || SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION) != 1) {
    return fail(ErrorCode::internal, "TLS cannot be set up");
  }
  if (access_.ca_file.empty()) {
    context->set_default_verify_paths(error);
    if (error) return wrong("the system's authorities", error);
  } else {
    context->load_verify_file(access_.ca_file, error);
    if (error) return wrong(access_.ca_file, error);
  }
  if (access_.certificate_file.empty()) return context;
  context->use_certificate_chain_file(access_.certificate_file, error);
  if (error) return wrong(access_.certificate_file, error);
  context->use_private_key_file(access_.key_file, ssl::context::pem, error);
  if (error) return wrong(access_.key_file, error);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return fail(ErrorCode::invalid_argument, access_.key_file + " does not belong to " + access_.certificate_file);
  }
  return context;
}

bool EtcdTls::reload() {
  const std::scoped_lock lock(mutex_);
  Times now = times();
  if (now == read_at_) return false;
  auto loaded = load();
  if (!loaded) return false;
  current_ = *std::move(loaded);
  read_at_ = std::move(now);
  return true;
}

std::shared_ptr<ssl::context> EtcdTls::current() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

}  // namespace sluice::rdma
