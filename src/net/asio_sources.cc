// The compiled parts of Asio, once for the module: the other files see declarations only and build in a
// fraction of the time.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
