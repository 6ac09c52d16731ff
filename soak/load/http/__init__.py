"""soak's own HTTP/1.1 client on gevent's sockets."""
