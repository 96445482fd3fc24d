"""A restaurant as it is asked about: its dishes, whether it is open, whether it is paused, and which menu it has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from flows.hours import Hours
from flows.menu import MAX_OPTIONS, Category, Item, Option, OptionGroup, Restaurant, Service
from flows.money import Money

NOON = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)  # a Monday; 13:00 in Rome


def euros(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def group(name: str, least: int, most: int, options: int = 3) -> OptionGroup:
    choices = tuple(Option(name=f"{name} {number}", price=euros(0)) for number in range(options))
    return OptionGroup(name=name, least=least, most=most, options=choices)


SOUP = Item(id="soup", name="Soup", price=euros(500))
BREAD = Item(id="bread", name="Bread", price=euros(100))
NONNA = Restaurant(
    slug="nonna",
    name="Nonna",
    address="Via Roma 1",
    phone="+39 011 000000",
    currency="EUR",
    timezone="Europe/Rome",
    menu=(Category(name="Starters", items=(SOUP,)), Category(name="Sides", items=(BREAD,))),
)


class TestDishes:
    def test_they_are_found_by_their_id_in_any_category(self) -> None:
        assert NONNA.item("bread") == BREAD
        assert NONNA.item("cake") is None
        assert list(NONNA.items()) == [SOUP, BREAD]

    @pytest.mark.parametrize(
        ("least", "most", "single"), [(1, 1, True), (0, 1, False), (1, 2, False), (2, 2, False), (0, 3, False)]
    )
    def test_only_a_choice_of_exactly_one_is_like_radio_buttons(self, least: int, most: int, single: bool) -> None:
        assert group("Size", least, most).single is single

    def test_the_options_of_one_dish_fit_one_message(self) -> None:
        groups = tuple(group(f"Group {number}", 0, 1, options=20) for number in range(5))
        with pytest.raises(ValidationError, match=str(MAX_OPTIONS)):
            Item(id="buffet", name="Buffet", price=euros(1), options=groups)
        assert Item(id="buffet", name="Buffet", price=euros(1), options=groups[: MAX_OPTIONS // 20])

    @pytest.mark.parametrize("slug", ["", "La Nonna", "-nonna", "nonna-", "nonna/..", "nönna", "n" * 25, "nonna\n"])
    def test_a_slug_is_safe_in_buttons_links_and_keys(self, slug: str) -> None:
        with pytest.raises(ValidationError):
            Restaurant.model_validate(NONNA.model_dump() | {"slug": slug})


class TestMenu:
    def test_another_price_makes_it_another_menu(self) -> None:
        dearer = SOUP.model_copy(update={"price": euros(550)})
        menu = (Category(name="Starters", items=(dearer,)), NONNA.menu[1])
        assert NONNA.model_copy(update={"menu": menu}).fingerprint != NONNA.fingerprint

    def test_another_order_of_dishes_makes_it_another_menu(self) -> None:
        assert NONNA.model_copy(update={"menu": NONNA.menu[::-1]}).fingerprint != NONNA.fingerprint

    def test_another_phone_or_other_hours_do_not(self) -> None:
        changed = NONNA.model_copy(update={"phone": "+39 1", "hours": Hours()})
        assert changed.fingerprint == NONNA.fingerprint

    def test_it_is_the_same_menu_after_it_was_stored(self) -> None:
        stored = Restaurant.model_validate_json(NONNA.model_dump_json())
        assert (stored, stored.fingerprint) == (NONNA, NONNA.fingerprint)


class TestOpen:
    def test_without_hours_it_always_is(self) -> None:
        assert NONNA.is_open(NOON)

    @pytest.mark.parametrize(("span", "is_open"), [("12:30-14:00", True), ("11:30-13:00", False)])
    def test_hours_are_meant_in_the_restaurants_own_time(self, span: str, is_open: bool) -> None:
        assert NONNA.model_copy(update={"hours": Hours(mon=(span,))}).is_open(NOON) is is_open


class TestPause:
    def test_a_new_restaurant_is_not_paused(self) -> None:
        assert not Service().is_paused(NOON)

    def test_a_pause_without_an_end_lasts(self) -> None:
        assert Service(paused=True).is_paused(NOON + timedelta(days=365))

    def test_a_pause_with_an_end_is_over_by_itself(self) -> None:
        service = Service(paused=True, paused_until=NOON)
        assert service.is_paused(NOON - timedelta(seconds=1))
        assert not service.is_paused(NOON)
