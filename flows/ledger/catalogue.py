"""All restaurants with their switches, as they were at one moment.

They change rarely and are looked at with each tap. So whoever serves customers keeps them, and asks with each tap only
whether they have changed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property

from pydantic import ValidationError

from flows.menu import Restaurant, Service

log = logging.getLogger(__name__)


class Catalogue:
    """`version` is another one after each change; None where nothing has ever changed, or that is not known."""

    def __init__(self, version: bytes | None, restaurants: Mapping[str, bytes], services: Mapping[str, bytes]) -> None:
        """Both by slug, as JSON."""
        self.version = version
        self._stored = restaurants
        self._services = services
        self._read: dict[str, Restaurant] = {}

    def restaurants(self) -> list[Restaurant]:
        """All, by name, without those that can't be read."""
        return self._readable

    @cached_property
    def _readable(self) -> list[Restaurant]:
        found = []
        for slug in self._stored:
            try:
                restaurant = self.restaurant(slug)
            except ValidationError as error:
                log.error("restaurant %r can't be read, import its file again: %s", slug, error)  # noqa: TRY400
            else:
                found += [restaurant] if restaurant else []
        return sorted(found, key=lambda restaurant: restaurant.name.casefold())

    def restaurant(self, slug: str) -> Restaurant | None:
        """Raises `ValueError` for one that can't be read."""
        if slug not in self._read and slug in self._stored:
            self._read[slug] = Restaurant.model_validate_json(self._stored[slug])
        return self._read.get(slug)

    def service(self, slug: str) -> Service:
        """The switches of a restaurant; the defaults when nobody has touched them."""
        raw = self._services.get(slug)
        return Service() if raw is None else Service.model_validate_json(raw)
