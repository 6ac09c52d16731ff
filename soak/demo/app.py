"""The shop's endpoints, as a Flask application."""

from __future__ import annotations

import uuid
from html import escape
from pathlib import Path
from typing import Any, TypeGuard

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from soak.demo.leaks import Parts
from soak.demo.metrics_page import Metrics
from soak.demo.pool import PoolExhaustedError
from soak.demo.shop import Shop

_QUANTITIES = "".join(
    f'<option value="{quantity}">{quantity}</option>' for quantity in range(1, 17)
)
_ROW = (
    '<li class="product"><a href="/products/{id}" title="{name}">{name}</a><span class="price">{price:.2f} EUR</span>'
    f'<select name="quantity">{_QUANTITIES}</select><button name="order" value="{{id}}">order</button></li>\n'
)


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value <= 1_000_000


class Endpoints:
    """One method per endpoint; `parts` may be replaced while they serve."""

    def __init__(self, shop: Shop, parts: Parts, metrics: Metrics, terms: Path) -> None:
        self._shop, self.parts, self._metrics, self._terms = shop, parts, metrics, terms
        self.ready = False

    def healthz(self) -> tuple[Response, int]:
        """Return 200 once the service is warm, 503 before."""
        return (jsonify(status="ok"), 200) if self.ready else (jsonify(status="warming up"), 503)

    def metrics(self) -> Response:
        """Return the metrics as Prometheus text."""
        return Response(self._metrics.text(), mimetype="text/plain; version=0.0.4")

    def product(self, number: int) -> Response:
        """Return one product."""
        return jsonify(self._shop.product(number) or abort(404, "no such product"))

    def search(self) -> Response:
        """Return a page of 100 products, the matching ones first: GET /search?q=lamp."""
        request_id = request.headers.get("X-Request-ID") or uuid.uuid4().hex
        page = self.parts.page(request.args.get("q", ""), request_id, self._render)
        return Response(page, mimetype="text/html", headers={"X-Request-ID": request_id})

    def orders(self) -> Response:
        """Return the 20 newest orders."""
        return jsonify(self._shop.orders(20))

    def order(self, number: int) -> Response:
        """Return one order."""
        return jsonify(self._shop.order(number) or abort(404, "no such order"))

    def place(self) -> Response:
        """Place an order: POST /orders {"product": 7, "quantity": 2}."""
        asked = request.get_json()
        product, quantity = (
            (asked.get("product"), asked.get("quantity", 1))
            if isinstance(asked, dict)
            else (None, None)
        )
        if not (_is_count(product) and _is_count(quantity)):
            abort(400, "product and quantity must be whole numbers from 1 to 1,000,000")
        order = self._shop.place(product, quantity) or abort(404, "no such product")
        self.parts.confirm(order["id"])
        response = jsonify(order)
        response.status_code = 201
        return response

    def invoice(self) -> Response:
        """Return the newest order's invoice, with the terms of sale."""
        [order] = self._shop.orders(1)
        head = "Order {id}: {quantity} x product {product}, {total_cents} cents\n\n".format_map(
            order
        )
        return Response(head.encode() + self.parts.read(self._terms), mimetype="text/plain")

    def shipping(self, country: str) -> Response:
        """Return the cost of shipping to a country."""
        return jsonify(country=country, price_cents=self.parts.quote(self._shop.pool, country))

    def _render(self, query: str) -> bytes:
        rows = (
            _ROW.format(id=row["id"], name=escape(row["name"]), price=row["price_cents"] / 100)
            for row in self._shop.search(query)
        )
        title = f"Results for {escape(query)}"
        return f"<!doctype html><title>{title}</title><h1>{title}</h1>\n<ol>\n{''.join(rows)}</ol>\n".encode()


def create_app(endpoints: Endpoints, metrics: Metrics) -> Flask:
    """Create the application: routes, errors as JSON, and a count of every answer."""
    app = Flask("soak.demo", static_folder=None)
    routes: dict[str, Any] = {
        "GET /healthz": endpoints.healthz,
        "GET /metrics": endpoints.metrics,
        "GET /products/<int:number>": endpoints.product,
        "GET /search": endpoints.search,
        "GET /orders": endpoints.orders,
        "GET /orders/<int:number>": endpoints.order,
        "POST /orders": endpoints.place,
        "GET /invoices/latest": endpoints.invoice,
        "GET /shipping/<country>": endpoints.shipping,
    }
    for route, view in routes.items():
        method, path = route.split(" ")
        app.add_url_rule(path, route, view, methods=[method])

    def refuse(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    def exhausted(error: PoolExhaustedError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 503

    def count(response: Response) -> Response:
        rule: Rule | None = request.url_rule
        metrics.requests.labels(
            request.method, rule.rule if rule else "none", response.status_code
        ).inc()
        return response

    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(PoolExhaustedError, exhausted)
    app.after_request(count)
    return app
