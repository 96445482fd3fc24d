"""A restaurant shown, exported as its file, and removed: what goes with it, what stays, and when it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from flows import keys
from flows.commands import CancelOrder, DeclineOrder, RecordNotified
from flows.events import About, CancelReason, DeclineReason, Side
from flows.hours import Hours
from flows.ledger import JoinOutcome, Ledger
from flows.ledger.orders import utc_now
from flows.menu import Item
from flows.money import Money
from flows.restaurant_export import export
from flows.restaurant_file import load
from tests.customers import trattoria, with_item
from tests.faults import faulty
from tests.orders import ANNA, CARLA, place
from workers.cli import main
from workers.cli.seats import import_samples
from workers.verify import Verification

ORDER = "0rder0000001"


@pytest.fixture
def ledger(redis: Redis, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The one that the commands find, with Nonna and Momiji in it."""
    monkeypatch.setenv("REDIS_URL", store_url)
    ledger = Ledger(redis)
    import_samples(ledger)
    return ledger


def comanda(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["restaurant", *arguments], input=answer)


def seated(ledger: Ledger, chat: int = -42) -> None:
    assert ledger.join(ledger.create_invite("nonna", 60), chat).outcome is JoinOutcome.JOINED


# Removing


def test_a_restaurant_goes_with_its_switches_its_staff_chat_and_its_invite(redis: Redis, ledger: Ledger) -> None:
    seated(ledger)
    token = ledger.create_invite("nonna", 60)
    ledger.set_service("nonna", lambda service: service.model_copy(update={"hidden": frozenset({"margherita"})}))
    redis.hset(keys.taken("nonna"), "#3", "left by an older version")

    done = comanda("remove", "nonna", "--yes")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "nonna is removed. 0 past orders of it stay, for its customers and for `comanda archive`.\n"
    assert [one.slug for one in ledger.restaurants()] == ["momiji"]
    assert not redis.hexists(keys.SERVICES, "nonna")
    assert redis.hgetall(keys.STAFF) == {}
    assert ledger.join(token, -43).outcome is JoinOutcome.BAD_INVITE
    assert list(Verification(redis, utc_now, repair=False).run()) == []


def test_bots_that_have_kept_the_restaurants_know_with_the_next_tap(redis: Redis, ledger: Ledger) -> None:
    bot = Ledger(redis)
    assert bot.catalogue(redis.get(keys.CATALOGUE)).restaurant("nonna") is not None  # type: ignore[arg-type]

    comanda("remove", "nonna", "--yes")

    assert bot.catalogue(redis.get(keys.CATALOGUE)).restaurant("nonna") is None  # type: ignore[arg-type]


def test_an_order_that_is_not_over_keeps_its_restaurant_and_is_named(redis: Redis, ledger: Ledger) -> None:
    ledger.execute(ORDER, place(ORDER), "test")

    done = comanda("remove", "nonna", "--yes")

    assert done.exit_code == 1
    assert done.stderr.startswith("Error: nonna has 1 orders that are not over")
    assert ORDER in done.stderr
    assert ledger.restaurant("nonna") is not None


def test_staff_who_are_still_to_be_told_of_an_end_keep_their_restaurant(redis: Redis, ledger: Ledger) -> None:
    ledger.execute(ORDER, place(ORDER), "1")
    ledger.execute(ORDER, RecordNotified(Side.RESTAURANT, About.PLACED), "2")
    ledger.execute(ORDER, CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND), "3")

    owed = comanda("remove", "nonna", "--yes")
    ledger.execute(ORDER, RecordNotified(Side.RESTAURANT, About.CANCELLED), "4")
    told = comanda("remove", "nonna", "--yes")

    assert (owed.exit_code, told.exit_code) == (1, 0)
    assert ORDER in owed.stderr


def test_an_order_that_comes_in_at_the_last_moment_is_not_orphaned(redis: Redis, ledger: Ledger) -> None:
    def order(number: int, request: bytes) -> None:
        if b"EVAL" in request and not redis.exists(keys.order(ORDER)):
            ledger.execute(ORDER, place(ORDER), "test")

    assert Ledger(faulty(redis, before=order)).remove_restaurant("nonna") == 1

    assert ledger.restaurant("nonna") is not None


def test_a_chat_that_joins_at_the_last_moment_does_not_stay_behind(redis: Redis, ledger: Ledger) -> None:
    token = ledger.create_invite("nonna", 60)

    def join(number: int, request: bytes) -> None:
        if b"EVAL" in request and not redis.exists(keys.STAFF):
            ledger.join(token, -42)

    assert Ledger(faulty(redis, before=join)).remove_restaurant("nonna") == 0

    assert redis.hgetall(keys.STAFF) == {}
    assert not redis.hexists(keys.SERVICES, "nonna")


def test_past_orders_stay_and_the_restaurant_may_be_imported_again(redis: Redis, ledger: Ledger) -> None:
    ledger.execute(ORDER, place(ORDER), "1")
    ledger.execute(ORDER, DeclineOrder(ANNA, DeclineReason.TOO_BUSY), "2")
    file = export(ledger.restaurant("nonna") or trattoria())

    done = comanda("remove", "nonna", "--yes")
    ledger.save_restaurant(load(file, "nonna.yaml"))

    assert done.stdout.startswith("nonna is removed. 1 past orders of it stay")
    assert [order.id for order in ledger.orders_of(CARLA.id)] == [ORDER]
    assert ledger.service("nonna").staff_chat is None


def test_a_person_is_asked_first_and_a_script_says_yes(ledger: Ledger) -> None:
    said_no = comanda("remove", "nonna", answer="n\n")
    assert ledger.restaurant("nonna") is not None
    said_yes = comanda("remove", "nonna", answer="y\n")

    assert (said_no.exit_code, said_yes.exit_code) == (1, 0)
    assert "This takes nonna out of the store" in said_no.stderr
    assert ledger.restaurant("nonna") is None


def test_what_cannot_be_read_can_be_removed(redis: Redis, ledger: Ledger) -> None:
    seated(ledger)
    redis.hset(keys.RESTAURANTS, "nonna", "{}")
    redis.hset(keys.SERVICES, "nonna", "nonsense")

    done = comanda("remove", "nonna", "--yes")

    assert done.exit_code == 0, done.output
    assert [one.slug for one in ledger.restaurants()] == ["momiji"]
    assert redis.hgetall(keys.STAFF) == {}


@pytest.mark.parametrize("command", [("show",), ("export",), ("remove", "--yes")])
@pytest.mark.usefixtures("ledger")
def test_a_slug_of_no_restaurant_is_said_in_one_line(command: tuple[str, ...]) -> None:
    done = comanda(*command, "nona")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: no restaurant 'nona': comanda restaurant list shows them\n"


# Showing and exporting


def test_a_restaurant_is_shown_as_it_stands_with_its_menu(ledger: Ledger) -> None:
    seated(ledger)
    ledger.set_service("nonna", lambda service: service.model_copy(update={"hidden": frozenset({"margherita"})}))
    ledger.execute(ORDER, place(ORDER), "test")

    said = comanda("show", "nonna").stdout.splitlines()
    row = json.loads(comanda("show", "nonna", "--json").stdout)

    assert said[0] == "Trattoria da Nonna (nonna)"
    assert "  open for orders, 1 orders not over; staff have 300 s to answer" in said
    assert "  margherita               Margherita, €8.50  (hidden)" in said
    assert (row["staff_chat"], row["open"], row["open_orders"]) == (-42, True, 1)
    assert row["menu"][0]["items"][0] == {"id": "margherita", "name": "Margherita", "price": "8.50", "hidden": True}


def test_an_import_of_a_file_without_an_end_is_refused() -> None:
    said = comanda("import", "/dev/zero")
    assert (said.exit_code, "the file is larger than" in said.stderr) == (1, True)


@pytest.mark.parametrize("slug", ["nonna", "momiji"])
def test_an_export_is_a_file_that_imports_again_to_the_same(ledger: Ledger, tmp_path: Path, slug: str) -> None:
    before = ledger.restaurant(slug)
    file = tmp_path / "file.yaml"

    file.write_text(comanda("export", slug).stdout, "utf-8")

    assert comanda("remove", slug, "--yes").exit_code == 0
    assert comanda("import", str(file)).exit_code == 0
    assert ledger.restaurant(slug) == before


@pytest.mark.parametrize(
    "hours", [None, Hours(), Hours(mon=("11:30-14:30", "18:00-02:00"), sun=("00:00-24:00",))], ids=str
)
@pytest.mark.parametrize("seconds", [30, 90, 300, 3600, 86_400])
def test_hours_and_the_time_to_answer_survive_an_export(hours: Hours | None, seconds: int) -> None:
    restaurant = trattoria(hours=hours).model_copy(update={"accept_within": seconds})

    assert load(export(restaurant), "file.yaml") == restaurant


@pytest.mark.parametrize(
    "words",
    [
        "no",
        "null",
        "1.250",
        "Combo #3",
        "33 cl, cold",
        "- a: b",
        "'\"\\",
        "👩‍🍳 Chef’s",
        "two\nlines",
        "a\u2028b",
        "\ufeffb",
    ],
)
def test_words_that_mean_something_to_yaml_survive_an_export(words: str) -> None:
    line = " ".join(words.split())
    item = Item(id="no", name=line, price=Money(minor=100, currency="EUR"), description=words, allergens=(line,))
    restaurant = with_item(trattoria(), item)

    assert load(export(restaurant), "file.yaml") == restaurant


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 1250), ("KWD", 1250), ("IQD", 12_500_000), ("VND", 25_000)])
def test_prices_of_every_kind_of_currency_survive_an_export(currency: str, minor: int) -> None:
    menu = trattoria().menu[0]
    item = Item(id="tea", name="Tea", price=Money(minor=minor, currency=currency))
    category = menu.model_copy(update={"items": (item,)})
    restaurant = trattoria().model_copy(update={"currency": currency, "menu": (category,)})

    assert load(export(restaurant), "file.yaml") == restaurant
