"""An option is read with its group wherever its name alone says nothing, and without it everywhere else."""

from __future__ import annotations

import pytest

from flows.events import Line
from flows.menu import Item, OptionGroup
from flows.messages.customer import status_screen
from flows.messages.staff import ticket_screen
from flows.option_names import ambiguous
from tests.customers import FUNGHI, MARGHERITA, Customer, MemoryShop, option, trattoria, with_item
from tests.orders import eur


def group(name: str, *options: str, least: int = 1) -> OptionGroup:
    return OptionGroup(name=name, least=least, most=1, options=tuple(option(one) for one in options))


def dish(*groups: OptionGroup) -> Item:
    return FUNGHI.model_copy(update={"name": "Kebab", "options": groups})


KEBAB = dish(group("Onions", "Yes", "No"), group("Cutlery", "Yes", "No"))


@pytest.mark.parametrize(
    "options",
    [
        ("Yes", "No"),
        ("Ja", "Nein"),
        ("Sì", "No"),
        ("Да", "Нет"),
        ("Evet", "Hayır"),
        ("はい", "いいえ"),
        ("हाँ", "नहीं"),
        ("Bai", "Ez"),
        ("With", "Without"),
        ("Yes, please!", "No, thank you."),
        ("None", "A little", "A lot"),
        ("S", "M", "XL"),
        ("1", "2", "12"),
        ("👍", "👎"),
        ("Có", "Không"),
        ("Igen", "Nem"),
        ("Kyllä", "Ei"),
        ("要", "不要"),
        ("예", "아니오"),
        ("Ya", "Tidak"),
        ("EVET", "HAYIR"),
        ("Sim, por favor", "Não, obrigado"),
        ("Nein ❌", "Ja ✅", "Kein 2."),
        ("Included", "Not included"),
    ],
)
def test_options_that_say_nothing_alone_are_named_with_their_group(options: tuple[str, ...]) -> None:
    assert ambiguous(dish(group("Onions", *options))) == {("Onions", one) for one in options}


@pytest.mark.parametrize(
    "options",
    [
        ("Normal", "Large"),
        ("Olives", "Egg"),
        ("330 ml", "1 litre"),
        ("Mild", "Hot"),
        ("No onions", "Onions"),
        ("味噌", "塩味"),
    ],
)
def test_options_that_speak_for_themselves_are_not(options: tuple[str, ...]) -> None:
    assert ambiguous(dish(group("Which", *options))) == set()


def test_a_name_in_two_groups_is_named_with_each_however_it_is_written() -> None:
    found = ambiguous(dish(group("Sauce", "Ketchup", "Mayonnaise"), group("To take along", "KETCHUP", "Napkins")))
    assert found == {("Sauce", "Ketchup"), ("To take along", "KETCHUP")}


def test_only_what_says_nothing_is_named_in_a_group_of_others() -> None:
    assert ambiguous(dish(group("Sauce", "Ketchup", "None"))) == {("Sauce", "None")}
    assert ambiguous(dish(group("Sauce", "Ketchup", "BBQ"))) == set()


def ordered(item: Item, *labels: str) -> Customer:
    """Somebody who has chosen these options of a dish and has the cart before them."""
    shop = MemoryShop(stored={"nonna": with_item(trattoria(), item)})
    return Customer(shop).starts("nonna").taps("Pizza", item.name, *labels, "Add to cart", "Cart")


def test_whoever_reads_the_order_reads_what_yes_and_no_are_about() -> None:
    carla = ordered(KEBAB, "Onions: Yes", "Cutlery: No")
    assert "1 × Kebab — <i>Onions: Yes, Cutlery: No</i>" in carla.screen.text

    carla.taps("Place order")

    [order] = carla.shop.placed.values()
    assert "<b>Onions: Yes, Cutlery: No</b>" in ticket_screen(order).text
    assert "<i>Onions: Yes, Cutlery: No</i>" in status_screen(order).text
    [line] = order.placed.lines
    assert (line.options, line.groups) == (("Yes", "No"), ("Onions", "Cutlery"))


def test_the_buttons_of_a_group_name_it_where_one_of_its_options_says_nothing() -> None:
    shop = MemoryShop(stored={"nonna": with_item(trattoria(), dish(group("Sauce", "Ketchup", "None")))})
    carla = Customer(shop).starts("nonna").taps("Pizza", "Kebab")
    assert carla.labels[:2] == ["☑ Sauce: Ketchup", "○ Sauce: None"]


def test_on_a_button_a_long_name_of_a_group_leaves_room_for_the_option() -> None:
    shop = MemoryShop(stored={"nonna": with_item(trattoria(), dish(group("Would you like some " * 3, "Yes", "No")))})
    carla = Customer(shop).starts("nonna").taps("Pizza", "Kebab")
    assert carla.labels[:2] == ["☑ Would you like…: Yes", "○ Would you like…: No"]


def test_a_line_stores_no_groups_where_none_is_named() -> None:
    carla = ordered(MARGHERITA, "Large").taps("Place order")
    [order] = carla.shop.placed.values()
    [line] = order.placed.lines
    assert (line.options, line.groups, line.chosen) == (("Large",), (), ("Large",))


def test_a_line_of_an_order_from_before_groups_were_stored_is_read_as_it_was() -> None:
    old = '{"item_id": "funghi", "name": "Kebab", "options": ["Yes", "No"], "quantity": 1, "unit": %s}'
    line = Line.model_validate_json(old % eur(850).model_dump_json())
    assert line.chosen == ("Yes", "No")
