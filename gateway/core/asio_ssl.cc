// The one translation unit that holds the compiled parts of Asio's TLS
// (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/ssl/impl/src.hpp>
