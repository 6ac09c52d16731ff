"""FastAPI under uvicorn: an answer that pydantic checks."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Line(BaseModel):
    """One line of an order."""

    number: int
    text: str


@app.get("/items/{number}")
async def items(number: int) -> list[Line]:
    """A hundred of them."""
    return [Line(number=number, text=f"line {line}") for line in range(100)]
