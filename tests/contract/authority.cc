#include "tests/contract/authority.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>

namespace sluice::test {
namespace {

constexpr long kHour = 3600;

void check(bool made) {
  if (!made) throw std::runtime_error("a certificate cannot be made");
}

std::shared_ptr<EVP_PKEY> make_key() {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  check(key != nullptr);
  return key;
}

void extend(X509* certificate, int kind, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()), X509_EXTENSION_free);
  check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

template <class Print>
void write(const std::string& path, const Print& print) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
  check(file != nullptr && print(file.get()) == 1);
}

}  // namespace

Authority::Authority(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)), name_(name), key_(make_key()), certificate_(sign(key_, nullptr, name, {})) {
  write(certificate(), [&](FILE* out) { return PEM_write_X509(out, certificate_.get()); });
}

std::shared_ptr<X509> Authority::sign(const Key& key, X509* issuer, const std::string& name,
                                      const std::string& address) const {
  static std::atomic<long> serial = 0;
  std::shared_ptr<X509> made(X509_new(), X509_free);
  check(made != nullptr);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -kHour);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * kHour);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(made.get(), issuer == nullptr ? subject : X509_get_subject_name(issuer));
  if (issuer == nullptr) {
    extend(made.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(made.get(), NID_key_usage, "critical,keyCertSign");
  } else {
    extend(made.get(), NID_ext_key_usage, "serverAuth,clientAuth");
    if (!address.empty()) extend(made.get(), NID_subject_alt_name, "IP:" + address);
  }
  check(X509_sign(made.get(), issuer == nullptr ? key.get() : key_.get(), EVP_sha256()) > 0);
  return made;
}

Authority::Issued Authority::issue(const std::string& name, const std::string& address) const {
  const Key key = make_key();
  const auto made = sign(key, certificate_.get(), name, address);
  Issued issued{file(name, ".pem"), file(name, ".key")};
  write(issued.certificate, [&](FILE* out) { return PEM_write_X509(out, made.get()); });
  write(issued.key,
        [&](FILE* out) { return PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return issued;
}

}  // namespace sluice::test
