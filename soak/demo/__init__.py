"""The bundled service: a small orders shop over HTTP and SQLite that leaks in one chosen way, or not at all.

`python -m soak.demo --port 0 --leak memory` serves on loopback until SIGTERM or SIGINT. Each leak
is a well-known mistake (see `leaks`), sits behind one endpoint, and costs the same with every
request to it:

| --leak      | endpoint             | one request keeps                          | runs out at                     |
|-------------|----------------------|--------------------------------------------|---------------------------------|
| none        | -                    | nothing                                    | never                           |
| memory      | GET /search          | a page of 64 KiB                           | the machine's memory            |
| descriptors | GET /invoices/latest | one open file                              | RLIMIT_NOFILE (often 1,024)     |
| threads     | POST /orders         | one thread that waits for good             | the container's limit of tasks  |
| pool        | GET /shipping/<code> | one connection, where a code has no tariff | the pool's maximum, 800 then    |

So an endpoint that gets 4 requests a second of a leaking kind lasts over 3 minutes. The healthy
endpoints are GET /healthz, /products/<id>, /orders and /orders/<id>.

GET /metrics is Prometheus text: the Python client's own process_* (with the Rust client's
`process_threads`) and python_gc_*, `http_requests_total`, and the pool as
`db_pool_connections_in_use`, `db_pool_connections_idle`, `db_pool_connections_waiting` (checkouts
that wait) and `db_pool_connections_max`.
"""
