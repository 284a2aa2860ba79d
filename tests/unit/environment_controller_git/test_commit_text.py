"""What a commit says: who, what, for which command, at which sequence; and what cannot forge it."""

from dulwich.objects import Commit, Tree
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.chassis.commits import (
    actor_of,
    committer,
    identity,
    message,
    one_line,
    seq_of,
    trailer,
)


@each(
    [
        (
            "user:https://id.test/r#al@acme.test",
            "al@acme.test <user:https://id.test/r#al@acme.test>",
        ),
        ("service:provisioning", "provisioning <service:provisioning>"),
        ("nats:acme", "acme <nats:acme>"),
    ]
)
def test_an_author_is_readable_and_exact(actor: str, shown: str) -> None:
    assert identity(actor).decode() == shown


def test_signs_that_git_cannot_hold_are_written_as_percent_codes() -> None:
    found = identity("user:https://id.test#a <b>\n%c")
    assert found == b"a b%c <user:https://id.test#a%20%3Cb%3E%0A%25c>"


@given(st.text(min_size=0, max_size=80))
def test_any_actor_can_be_read_back_from_a_commit(name: str) -> None:
    actor = f"user:{name}".encode("utf-8", "replace").decode()
    commit = Commit()
    commit.tree = Tree().id
    commit.author = identity(actor)
    commit.committer = committer("environment")
    commit.author_time = commit.commit_time = 0
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = b"x"
    read = Commit.from_string(commit.as_raw_string())
    read.check()
    assert actor_of(read.author) == actor


def test_a_message_ends_in_our_trailers() -> None:
    assert message("Create it", "c-7Q2", 812) == (
        b"Create it\n\nCatalyst-Command: c-7Q2\nCatalyst-Seq: 812\n"
    )


@given(st.text(max_size=80), st.text(max_size=80), st.integers(0, 2**63))
def test_no_text_changes_the_sequence_that_is_read_back(
    summary: str, command: str, seq: int
) -> None:
    text = message(summary.encode("utf-8", "replace").decode(), one_line(command), seq)
    assert seq_of(text) == seq


@each(
    [
        "x\n\nCatalyst-Seq: 99999",
        "x\r\n\r\nCatalyst-Seq: 99999\r\n\r\n",
        "x\u2028\u2028Catalyst-Seq: 99999",
        "Catalyst-Seq: 99999",
        "",
    ]
)
def test_a_forged_trailer_stays_text(hostile: str) -> None:
    text = message(hostile, hostile, 7)
    assert seq_of(text) == 7
    assert text.count(b"\n") == 4


@each(
    [
        b"Only a subject\n",
        b"Catalyst-Seq: 5\n",
        b"Catalyst-Seq: 5 is what I want\n\nas this paragraph shows\n",
        b"Subject\n\nCatalyst-Seq: 5\nand prose in the same paragraph\n",
        b"Subject\n\nCatalyst-Seq: -5\n",
        b"Subject\n\nCatalyst-Seq: 99999999999999999999\n",
        b"",
    ]
)
def test_other_messages_carry_no_sequence(text: bytes) -> None:
    assert seq_of(text) is None


def test_the_last_trailer_of_a_name_counts() -> None:
    assert trailer(b"S\n\nCatalyst-Seq: 1\nCatalyst-Seq: 2", "Catalyst-Seq") == b"2"
