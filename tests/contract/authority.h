#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>

namespace sluice::test {

/// Signs certificates for a day. Writes PEM files into a folder that the caller keeps.
class Authority {
 public:
  /// Its own certificate is FOLDER/NAME.pem.
  Authority(std::filesystem::path folder, const std::string& name);

  std::string certificate() const { return file(name_, ".pem"); }

  struct Issued {
    std::string certificate;
    std::string key;
  };
  /// FOLDER/NAME.pem and FOLDER/NAME.key, for servers and clients; `address` is the IP address that
  /// it is good for, if any. It has no common name: etcd takes none from clients of its HTTP interface.
  Issued issue(const std::string& name, const std::string& address) const;

 private:
  using Key = std::shared_ptr<EVP_PKEY>;

  std::string file(const std::string& name, const char* suffix) const { return (folder_ / (name + suffix)).string(); }
  std::shared_ptr<X509> sign(const Key& key, X509* issuer, const std::string& name, const std::string& address) const;

  const std::filesystem::path folder_;
  const std::string name_;
  Key key_;
  std::shared_ptr<X509> certificate_;
};

}  // namespace sluice::test
