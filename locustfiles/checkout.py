"""A shopper as a Locust user: lists orders, opens one, now and then places one.

Any Locust user class works: name this file in a profile (`load.locustfile`), as
    profiles/locustfile.yaml does.
"""

from locust import FastHttpUser, between, task


class Shopper(FastHttpUser):
    """Browses three times as often as it buys."""

    wait_time = between(0.1, 0.5)

    @task(3)
    def browse(self) -> None:
        """List the newest orders, then look at a product."""
        self.client.get("/orders")
        self.client.get("/products/7", name="/products/{id}")

    @task
    def buy(self) -> None:
        """Place an order; anything but 201 is a failure."""
        with self.client.post(
            "/orders", json={"product": 7, "quantity": 1}, catch_response=True
        ) as answer:
            if answer.status_code != 201:
                answer.failure(f"status {answer.status_code}")
