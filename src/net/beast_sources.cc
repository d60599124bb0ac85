// The compiled parts of Beast, once for the module, like Asio's in asio_sources.cc.
//
// Without its assertions: 1.81 asserts that a last chunk it looks at again has five bytes, which is wrong for
// a body whose first chunk is the last. A peer that sends "0\r\n" and then "\r" by itself would end a debug
// build; the code behind the assertion handles it.
#define BOOST_DISABLE_ASSERTS
#include <boost/beast/src.hpp>
