"""The form of a Blueprint marks what has to be given, as its conditions hold."""

import msgspec
import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import choose, forgive, furnish, plan
from tests.support.browser import Window

from catalyst.blueprints import form

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]

SCHEMA = {
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "mode": {"type": "string", "enum": ["plain", "queue"]},
        "workers": {"type": "integer"},
        "host": {"type": "string"},
        "port": {"type": "integer"},
    },
    "if": {"properties": {"mode": {"const": "queue"}}, "required": ["mode"]},
    "then": {"required": ["workers"]},
    "dependentRequired": {"host": ["port"]},
}
_TURNED = """
async (form) => {
  const { ConfigForm } = await import('/js/config.js');
  const found = new ConfigForm(form, false);
  const seen = [];
  const turn = (title, value) => {
    const field = [...found.node.querySelectorAll('.field')].find((one) =>
      one.querySelector('label').textContent.startsWith(title));
    const control = field.querySelector('input, select');
    const texts = [...(control.options ?? [])].map((one) => one.text);
    control.value = control.options ? String(texts.indexOf(value) - 1) : value;
    if (control.options && value === '') control.value = '';
    control.dispatchEvent(new Event('input', {bubbles: true}));
  };
  const marked = () => seen.push([...found.node.querySelectorAll('.field')]
    .filter((one) => one.querySelector('[aria-required]'))
    .filter((one) => one.querySelector('.required'))
    .map((one) => one.querySelector('label').textContent));
  marked();
  turn('mode', 'queue'); marked();
  turn('host', 'db.example'); marked();
  turn('mode', 'plain'); marked();
  turn('host', ''); marked();
  return seen;
}
"""


@pytest.mark.guarantee("G26.4")
async def test_what_a_condition_asks_for_is_marked_as_long_as_it_holds(desk: Window) -> None:
    fields = []
    for one in form.fields(SCHEMA):
        field = msgspec.to_builtins(one)
        field["title"] = field["path"][-1]
        fields.append({"field": field, "value": None, "default": None, "options": []})
    assert await desk.page.evaluate(_TURNED, {"fields": fields}) == [
        ["name *"],
        ["name *", "workers *"],
        ["name *", "workers *", "port *"],
        ["name *", "port *"],
        ["name *"],
    ]


@pytest.mark.guarantee("G26.4")
async def test_what_is_wrong_with_a_field_is_a_sentence_without_a_programs_name_for_it(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    await choose(desk, slug, "Wiki")
    form = page.locator(".order-form")
    name = form.locator(".field", has=page.get_by_label("Name *", exact=True))
    address = form.locator(".field", has=page.get_by_label("Address", exact=True))
    show = page.get_by_role("button", name="Show the plan")
    await address.get_by_role("textbox").fill("not a host!")
    await show.click()
    await expect(address.locator(".error")).to_have_text(
        "It must be a host name, such as www.example.com"
    )
    await name.get_by_role("textbox").fill("")
    await show.click()
    await expect(name.locator(".error")).to_have_text("It has to be given")
    await forgive(desk)


@pytest.mark.guarantee("G26.4")
async def test_where_a_secret_stands_is_said_before_it_is_typed(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    await choose(desk, slug, "Redis")
    secret = page.locator(".order").get_by_label("Password")
    # What is typed is no secret: whoever types it can read it.
    await expect(secret).to_have_attribute("type", "text")
    await expect(secret).to_have_attribute("placeholder", "secret:<name>/<key>")
    told = f"read from org/{slug}/env/prod/<name>, property <key>"
    field = page.locator(".order .field", has=page.get_by_label("Password"))
    await expect(field).to_contain_text(told)
    await secret.fill("secret:cache/code")
    await plan(desk)
    files = page.locator(".plan .file", has_text=f"org/{slug}/env/prod/cache")
    await expect(files).to_have_count(1)
