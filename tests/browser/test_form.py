"""Commands: a form from any schema, the outcome, and each refusal at the field that is wrong."""

import json
import re
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from tests.browser.site import Site
from tests.browser.steps import ELSEWHERE, forgive, open_whole_form
from tests.support import browser as support
from tests.support.browser import Window

from catalyst.contracts import roles
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.roles import COMMAND_ROLES

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


async def _fill_organization(window: Window, slug: str) -> None:
    form = window.form
    await window.choose_command("Create Organization")
    await form.get_by_label("Organization").fill(slug)
    await form.get_by_label("Display name").fill("Made by hand")
    await form.get_by_label("Kind *", exact=True).select_option(label="customer")
    await form.get_by_label("Tier").select_option(label="sme")
    await form.get_by_label("Billing mode").select_option(label="real")
    await form.get_by_label("Sovereign ref").fill("cloud.example")
    await form.get_by_label("Email").fill("owner@example.com")
    await form.get_by_label("Role").select_option(label="owner")


async def test_a_command_from_the_form_is_accepted_and_its_row_appears(
    desk: Window, slug: str
) -> None:
    await _fill_organization(desk, slug)
    await desk.send()
    outcome = desk.page.locator(".outcome")
    await expect(outcome.locator(".badge")).to_have_text("accepted")
    await expect(outcome).to_contain_text("shown in the rows")
    seq = int(await outcome.locator(".outcome-seq").inner_text())
    await desk.until_sequence(seq)
    await desk.until_row("organization", slug, "Made by hand")
    await outcome.get_by_role("button", name="What it led to").click()
    chain = desk.page.locator("#panel-row .chain")
    await expect(chain.locator(".step").first).to_contain_text("Create Organization")
    await expect(chain.locator(".step").first).to_contain_text("accepted")


async def test_of_an_empty_form_everything_that_is_missing_is_marked(desk: Window) -> None:
    await desk.choose_command("Create Organization")
    await desk.send()
    form = desk.form
    await expect(form.get_by_label("Organization")).to_be_focused()
    for name in ("Organization", "Display name", "Tier", "Sovereign ref", "Email"):
        await expect(form.get_by_label(name)).to_have_attribute("aria-invalid", "true")
    await expect(desk.page.locator("#panel-send")).not_to_contain_text("`")
    await _what_is_wrong_is_told_beside_what_is_missing(desk)
    await _no_two_commands_are_called_the_same(desk)


async def _what_is_wrong_is_told_beside_what_is_missing(desk: Window) -> None:
    await desk.choose_command("Create Environment")
    form = desk.form
    await form.get_by_label("Environment name").fill("acme-prod")
    await form.get_by_label("Environment type").select_option(label="prod")
    await form.get_by_label("Region *", exact=True).fill("No Region")
    await desk.send()
    for name, told in (
        ("Organization *", "has to be given"),
        ("Region *", "must be 2 to 4 lower-case letters"),
        ("Placement *", "is missing"),
    ):
        wrong = form.locator(".field.wrong").filter(has=desk.page.get_by_label(name, exact=True))
        await expect(wrong.locator(".error")).to_contain_text(told)
    await expect(form.get_by_label("Organization")).to_be_focused()
    await expect(form.get_by_label("Environment name")).not_to_have_attribute(
        "aria-invalid", "true"
    )
    await expect(desk.page.locator(".problems")).to_be_empty()
    await expect(form.get_by_text("is missing")).not_to_have_count(0)
    await forgive(desk)


async def _no_two_commands_are_called_the_same(desk: Window) -> None:
    groups = desk.page.locator("#command optgroup")
    offered = [await group.locator("option").all_inner_texts() for group in await groups.all()]
    names = [name for group in offered for name in group]
    sent = {name for name, allowed in COMMAND_ROLES.items() if allowed}
    assert len(names) == len(set(names)) == len(sent)
    assert "Retry a message set aside (billing)" in names
    assert offered == [sorted(group) for group in offered]
    # Groups say who sends them; what services alone send is offered to no person.
    labels = [await group.get_attribute("label") or "" for group in await groups.all()]
    assert labels[0] == "You may send"
    assert all(label.startswith("Sent by ") for label in labels[1:])
    types = await groups.locator("option").evaluate_all("all => all.map(one => one.value)")
    assert set(types) == sent
    assert COMMANDS.keys() - sent
    for wrong in ("environment", "organization", "application", "blueprint"):
        assert not [name for name in names if wrong in name.split("(")[0]]


@pytest.mark.parametrize("role", [None, roles.SECURITY_OFFICER])
async def test_commands_of_others_are_grouped_by_who_sends_them(
    window: Window, site: Site, role: str | None
) -> None:
    await window.sign_in(site.token("looks@groups.example", [role] if role else []))
    await window.page.get_by_role("tab", name="Send a command").click()
    groups = window.page.locator("#command optgroup")
    await expect(groups.last).to_have_attribute("label", re.compile("^Sent by "))
    for group in await groups.all():
        label = await group.get_attribute("label") or ""
        types = await group.locator("option").evaluate_all("all => all.map(one => one.value)")
        for type_ in types:
            allowed = COMMAND_ROLES.get(type_, frozenset())
            if label == "You may send":
                assert role in allowed
                continue
            assert set(re.findall(r"[a-z]+-[a-z]+", label)) == allowed
            assert role not in allowed


@pytest.mark.guarantee("G5.8")
async def test_every_wrong_field_is_marked_where_it_is(
    chromium: Browser, site: Site, slug: str
) -> None:
    async with support.window(chromium, site.address) as window:
        await window.sign_in(site.admin)
        await _fill_organization(window, slug)
        page, form = window.page, window.form
        await form.get_by_label("Display name").fill("")
        await page.get_by_role("button", name="Add to owners").click()
        await form.get_by_label("Email").nth(1).fill("no address")
        await window.send()
        name, mail, role = (
            form.get_by_label("Display name"),
            form.get_by_label("Email").nth(1),
            form.get_by_label("Role").nth(1),
        )
        for control, text in (
            (name, "is missing"),
            (mail, "must be an e-mail address"),
            (role, "is missing"),
        ):
            await expect(control).to_have_attribute("aria-invalid", "true")
            described = (await control.get_attribute("aria-describedby") or "").split()[-1]
            await expect(page.locator(f"#{described}")).to_contain_text(text)
        await expect(form.get_by_label("Email").nth(0)).not_to_have_attribute(
            "aria-invalid", "true"
        )
        await expect(name).to_be_focused()
        # Each is said once, in words, where it belongs.
        panel = page.locator("#panel-send")
        await expect(panel.get_by_text("must be an e-mail address")).to_have_count(1)
        await expect(page.locator(".problems")).to_be_empty()
        await expect(panel).not_to_contain_text("invalid-data")
        # Corrected, it goes through, and no mark is left.
        await name.fill("Now with a name")
        await page.get_by_role("button", name="Remove owner").nth(1).click()
        await window.send()
        await expect(page.locator(".outcome .badge")).to_have_text("accepted")
        await expect(page.locator("[aria-invalid]")).to_have_count(0)
        # The browser itself reports the refused request; nothing else may be reported.
        assert all("422" in text for text in window.complaints), window.complaints


async def test_what_the_worker_rejects_is_shown_at_its_field(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await _fill_organization(desk, slug)
    await desk.send()
    await expect(desk.page.locator(".outcome .badge")).to_have_text("rejected")
    panel, problems = desk.page.locator("#panel-send"), desk.page.locator(".problems")
    await expect(desk.form.get_by_label("Organization")).to_have_attribute("aria-invalid", "true")
    await expect(desk.form.locator(".wrong .error")).to_contain_text("exists")
    await expect(problems).to_be_empty()
    await expect(panel).not_to_contain_text("organization-exists")
    # What belongs to no field stands above the button, once; the code is behind it.
    await desk.choose_command("Resume Organization")
    await desk.form.get_by_label("Organization").fill(slug)
    await desk.send()
    await expect(problems).to_have_text(
        f"the Organization '{slug}' is not suspended organization-not-suspended"
    )
    await expect(problems.locator("code")).to_have_text("organization-not-suspended")
    await expect(panel.get_by_text("is not suspended")).to_have_count(1)
    await expect(panel.locator(".wrong")).to_have_count(0)
    await desk.choose_command("Create Environment")
    page, form = desk.page, desk.form
    await form.get_by_label("Organization").fill(slug)
    await form.get_by_label("Environment name").fill(f"{slug}-prod")
    await form.get_by_label("Environment type").select_option(label="stg")
    await form.get_by_label("Placement").select_option(label="single-region")
    await form.get_by_label("Provider").select_option(label="hetzner")
    await form.get_by_label("Region *", exact=True).fill("fsn")
    await form.get_by_label("Building block").select_option(label="rtz")
    await desk.send()
    await expect(page.locator(".outcome .badge")).to_have_text("rejected")
    await expect(form.get_by_label("Environment type")).to_have_attribute("aria-invalid", "true")
    await expect(form.get_by_label("Environment type")).to_be_focused()
    await expect(problems).to_be_empty()
    await expect(panel).not_to_contain_text("environment-name-mismatch")


async def test_alternatives_maps_and_parts_that_may_be_left_out(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await desk.until_row("organization", slug, "ready")
    page, form = desk.page, desk.form
    # Others call theirs so as well.
    policy = f"careful-{slug}"
    await desk.choose_command("Define policy")
    await form.get_by_label("Organization").fill(slug)
    await form.get_by_label("Policy name").fill(policy)
    await page.get_by_role("button", name="Add promotion").click()
    await form.get_by_label("Required approvers").fill("2")
    await page.get_by_role("button", name="Add compliance").click()
    await page.get_by_role("button", name="Add to weights").click()
    await form.get_by_label("Name *", exact=True).fill("probes")
    await form.get_by_label("Weight", exact=False).last.fill("5")
    await page.get_by_role("button", name="Add to rules").click()
    await form.get_by_label("Type").select_option(label="change-window")
    await form.get_by_label("Effect").select_option(label="deny")
    await form.get_by_label("Rrule").fill("FREQ=WEEKLY;BYDAY=SA")
    await form.get_by_label("Duration").fill("2d")
    await desk.send()
    await expect(page.locator(".outcome .badge")).to_have_text("accepted")
    await desk.until_row("policy", policy, "1 window")
    doc = await _document(desk, "policy", policy)
    assert doc["weights"] == {"probes": {"weight": 5, "scope": "all"}}
    assert doc["windows"][0]["effect"] == "deny"
    assert sum(approval["quorum"] for approval in doc["approvals"]) == 2


async def _document(window: Window, kind: str, name: str) -> dict[str, Any]:
    await window.row(kind, name).get_by_role("button").click()
    text = await window.page.locator("#panel-row details.doc code").inner_text()
    found: dict[str, Any] = json.loads(text)
    return found


async def test_a_value_may_be_set_taken_away_or_left_as_it_is(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug, plan_slug="m", display_name="Stays")
    page, form = desk.page, desk.form
    await desk.until_row("organization", slug, "ready")
    await desk.choose_command("Update Organization")
    await form.get_by_label("Organization").fill(slug)
    await form.get_by_label("Plan slug").select_option(label="take away")
    await form.get_by_label("Policy delegated").select_option(label="yes")
    await desk.send()
    await expect(page.locator(".outcome .badge")).to_have_text("accepted")
    await expect(page.locator(".outcome")).to_contain_text("shown in the rows")
    doc = await _document(desk, "organization", slug)
    assert doc["plan_slug"] is None
    assert doc["policy_delegated"] is True
    assert doc["display_name"] == "Stays"


async def test_the_data_may_be_written_as_json(desk: Window, site: Site, slug: str) -> None:
    await site.create(slug)
    await desk.choose_command("Suspend Organization")
    page, form = desk.page, desk.form
    await form.get_by_label("Organization").fill(slug)
    await form.get_by_label("Reason").fill("From the field")
    await page.get_by_role("button", name="Write it as JSON").click()
    raw = form.get_by_label("Data as JSON")
    assert json.loads(await raw.input_value()) == {"reason": "From the field"}
    await raw.fill('{"reason": "From the text"}')
    await desk.send()
    await expect(page.locator(".outcome .badge")).to_have_text("accepted")
    await desk.until_row("organization", slug, "suspended")


async def test_there_is_a_form_for_every_command_that_people_send(desk: Window) -> None:
    page, form = desk.page, desk.form
    await page.get_by_role("tab", name="Send a command").click()
    for type_ in (name for name, allowed in COMMAND_ROLES.items() if allowed):
        if type_ in ELSEWHERE:
            continue
        await open_whole_form(desk, type_)
        assert await form.get_by_role("button", name="Send", exact=True).is_enabled()


@pytest.mark.guarantee("G5.12")
async def test_a_field_says_below_it_what_it_means_and_takes(desk: Window) -> None:
    page, form = desk.page, desk.form
    await desk.choose_command("Create Organization")
    for button in ("Add identity", "Add public front"):
        await page.get_by_role("button", name=button).click()
    for label, text in (
        ("Display name", "What people call the Organization. One line of 1 to 128 characters"),
        ("Tier", "How large the Organization is"),
        ("Backend port", "A port from 1 to 65535; for example 80 (otherwise 80)."),
    ):
        control = form.get_by_label(label)
        help_id = (await control.get_attribute("aria-describedby") or "").split()[0]
        await expect(page.locator(f"#{help_id}")).to_contain_text(text)
    await expect(form).to_contain_text("Where its people sign in")
    await desk.choose_command("Update Organization")
    # A value that may be left as it is says so before anything is set, and once.
    plan = page.get_by_text("The plan that it booked")
    await expect(plan).to_have_count(1)
    await form.get_by_label("Plan slug").first.select_option(label="set")
    await expect(plan).to_have_count(1)


async def test_a_row_leads_to_a_command_for_it(desk: Window, site: Site, slug: str) -> None:
    await site.create(slug)
    await site.add_environment(slug)
    await desk.row("environment", f"{slug}-prod").get_by_role("button").click()
    await desk.page.get_by_role("button", name="Send it a command").click()
    await desk.choose_command("Update Environment")
    await expect(desk.form.get_by_label("Organization")).to_have_value(slug)
    await expect(desk.form.get_by_label("Environment name")).to_have_value(f"{slug}-prod")


async def test_a_row_shows_its_document_and_what_led_to_it(
    desk: Window, site: Site, slug: str
) -> None:
    outcome = await site.create(slug, display_name="Looked at")
    await desk.until_row("onboarding", slug, "completed")
    doc = await _document(desk, "organization", slug)
    assert doc["display_name"] == "Looked at"
    facts = desk.page.locator("#panel-row .facts")
    await expect(facts).to_contain_text(outcome["id"])
    steps = desk.page.locator("#panel-row .step")
    await expect(steps.first).to_contain_text("Create Organization")
    await expect(steps.filter(has_text="effect of git").first).to_be_visible()
    await expect(desk.page.locator("#panel-row .chain")).to_contain_text("Complete.")
    # It goes on being right while the row changes.
    await site.rename(slug, "Looked at again")
    await expect(desk.page.locator("#panel-row details.doc")).to_contain_text("Looked at again")
    await expect(steps.first).to_contain_text("Update Organization")
