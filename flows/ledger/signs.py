"""By what staff and customers tell open orders apart: numbers and pick-up codes, each of one open order at a time.

An order may stay open beyond midnight, when a restaurant's numbers begin at 1 again, and codes are drawn at random.
What is taken is noted with the order and let go with its end, so a commit can check that nobody else was quicker.
"""

from __future__ import annotations

from collections.abc import Iterator

from redis.client import Pipeline

from flows import keys
from flows.commands import PlaceOrder
from flows.events import OrderPlaced
from flows.ledger.transaction import Check
from flows.order import Order
from flows.store import Script

# The next number that no open order has. Where nothing is noted, open orders were placed by an older version: what they
# have is noted now. What such a version has ended is let go.
NEXT_NUMBER = Script(
    """#!lua
local counter, taken, open, orders, life = unpack(ARGV)
if redis.call('EXISTS', taken) == 0 then
  for _, id in ipairs(redis.call('SMEMBERS', open)) do
    local first = redis.pcall('LINDEX', orders .. id, 0)
    local is_read, placed = pcall(cjson.decode, first)
    if is_read and type(placed) == 'table' and placed.number and placed.code then
      redis.call('HSET', taken, string.format('#%d', placed.number), id, placed.code, id)
    end
  end
end
local number, sign, holder
repeat
  number = redis.call('INCR', counter)
  sign = '#' .. number
  holder = redis.call('HGET', taken, sign)
  if holder and redis.call('SISMEMBER', open, holder) == 0 then
    redis.call('HDEL', taken, sign)
    holder = false
  end
until not holder
redis.call('EXPIRE', counter, life)
return number
""",
    lasting=False,
)


def are_free(command: PlaceOrder) -> Iterator[Check]:
    """That no open order of the restaurant has this one's number or code; else it is placed again with others."""
    taken = keys.taken(command.restaurant.slug)
    for sign in signs_of(command):
        yield Check(("HGET", taken, sign), None)


def stage_signs(pipe: Pipeline, order: Order) -> None:
    """Note what an open order has."""
    pipe.hset(keys.taken(order.placed.restaurant.slug), mapping=dict.fromkeys(signs_of(order.placed), order.id))


def stage_free_signs(pipe: Pipeline, order: Order) -> None:
    """Another order may have them from now on."""
    pipe.hdel(keys.taken(order.placed.restaurant.slug), *signs_of(order.placed))


def signs_of(placed: PlaceOrder | OrderPlaced) -> tuple[str, str]:
    """An order's number and code, as they are noted."""
    return f"#{placed.number}", placed.code
