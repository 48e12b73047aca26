import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tradewise.secrets import CannotOpen, KeyTrouble, key_id_of, keyfiles, keyring, open_sealed, seal

CONTEXT = "bots.api_token|tenant|bot|origin"


def test_the_private_key_is_for_its_owner_alone(keys: Path) -> None:
    assert (keys / "seal.key").stat().st_mode & 0o777 == 0o600
    assert (keys / "seal.pub").stat().st_mode & 0o777 == 0o644
    assert keys.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in keys.iterdir()) == ["seal.key", "seal.pub"]


def test_keys_are_made_once(keys: Path) -> None:
    before = (keys / "seal.key").read_text(), (keys / "seal.pub").read_text()
    keyring.ensure_keys(keys)
    assert ((keys / "seal.key").read_text(), (keys / "seal.pub").read_text()) == before


def test_several_that_start_at_once_end_up_with_one_pair(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        keyring.ensure_keys(directory)

    starters = [threading.Thread(target=start) for _ in range(8)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    ring = keyring.parse_private((directory / "seal.key").read_text(), source="test")
    assert len(ring.keys) == 1
    assert (directory / "seal.pub").read_text().strip() == ring.newest.public.text


def test_a_key_that_another_process_made_first_is_kept(tmp_path: Path) -> None:
    keyfiles.create(tmp_path / "seal.key", "first", mode=0o600)
    keyfiles.create(tmp_path / "seal.key", "second", mode=0o600)
    assert (tmp_path / "seal.key").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["seal.key"]


def test_a_start_that_was_cut_short_is_finished(keys: Path) -> None:
    public = (keys / "seal.pub").read_text()
    (keys / "seal.pub").unlink()
    keyring.ensure_keys(keys)
    assert (keys / "seal.pub").read_text() == public


def test_a_lost_private_key_is_not_papered_over(keys: Path) -> None:
    (keys / "seal.key").unlink()
    with pytest.raises(KeyTrouble, match=r"without seal\.key"):
        keyring.ensure_keys(keys)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_key_file_that_others_can_touch_is_refused(keys: Path, mode: int) -> None:
    sealed = seal("x", context=CONTEXT)
    (keys / "seal.key").chmod(mode)
    with pytest.raises(KeyTrouble, match="chmod 600"):
        open_sealed(sealed, context=CONTEXT)
    with pytest.raises(KeyTrouble, match="chmod 600"):
        keyring.ensure_keys(keys)


def test_a_value_sealed_before_a_rotation_still_opens(keys: Path) -> None:
    old = seal("x", context=CONTEXT)
    fresh_id = keyring.rotate(keys)
    new = seal("x", context=CONTEXT)
    assert key_id_of(new) == fresh_id != key_id_of(old)
    assert open_sealed(old, context=CONTEXT) == open_sealed(new, context=CONTEXT)
    assert (keys / "seal.key").stat().st_mode & 0o777 == 0o600


def test_a_worker_that_runs_finds_a_key_made_since_by_another_process(keys: Path) -> None:
    open_sealed(seal("x", context=CONTEXT), context=CONTEXT)  # the ring is in memory now
    seal_elsewhere = (
        "from pathlib import Path; from tradewise.secrets import keyring, seal;"
        f"keyring.rotate(Path({str(keys)!r})); print(seal('y', context={CONTEXT!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", seal_elsewhere],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(keyring.__file__).parents[2],
    )
    assert open_sealed(done.stdout.strip(), context=CONTEXT).reveal() == "y"


def test_a_key_taken_off_the_ring_opens_no_more(keys: Path) -> None:
    old = seal("x", context=CONTEXT)
    keyring.rotate(keys)
    newest = (keys / "seal.key").read_text().splitlines()[0]
    (keys / "seal.key").write_text(newest)
    keyring.forget()
    with pytest.raises(CannotOpen, match=f"{key_id_of(old):04x}"):
        open_sealed(old, context=CONTEXT)


def test_keys_come_from_the_environment_too(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer, older = keyring.PrivateKey.generate(), keyring.PrivateKey.generate()
    monkeypatch.setenv("SEAL_PUBLIC_KEY", older.public.text)
    monkeypatch.setenv("SEAL_PRIVATE_KEYS", f"{newer.export_text()}, {older.export_text()}")
    keyring.forget()
    sealed = seal("x", context=CONTEXT)
    assert key_id_of(sealed) == older.public.key_id
    assert open_sealed(sealed, context=CONTEXT).reveal() == "x"


def test_where_nothing_is_said_keys_are_under_var(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEAL_PUBLIC_KEY_FILE")
    monkeypatch.delenv("SEAL_PRIVATE_KEY_FILE")
    monkeypatch.setenv("TRADEWISE_VAR", str(keys.parent))
    keyring.forget()
    assert open_sealed(seal("x", context=CONTEXT), context=CONTEXT).reveal() == "x"


def test_a_private_key_in_the_public_place_is_called_out(monkeypatch: pytest.MonkeyPatch) -> None:
    text = keyring.PrivateKey.generate().export_text()
    monkeypatch.setenv("SEAL_PUBLIC_KEY", text)
    keyring.forget()
    with pytest.raises(KeyTrouble, match="private key where the public") as trouble:
        seal("x", context=CONTEXT)
    assert text not in str(trouble.value)
    keyring.forget()


@pytest.mark.parametrize("damage", ["short", "prefix", "letters", "empty"])
def test_a_damaged_key_is_named_by_its_place_and_not_repeated(damage: str) -> None:
    text = keyring.PrivateKey.generate().export_text()
    body = text.removeprefix(keyring.PRIVATE_PREFIX)
    damaged = {
        "short": text[:-4],
        "prefix": body,
        "letters": text[:-3] + "!!!",
        "empty": "# nothing but a remark\n",
    }[damage]
    with pytest.raises(KeyTrouble, match="SEAL_PRIVATE_KEYS") as trouble:
        keyring.parse_private(damaged, source="SEAL_PRIVATE_KEYS")
    assert body[:12] not in str(trouble.value)


def test_a_private_key_prints_as_its_id(keys: Path) -> None:
    ring = keyring.parse_private((keys / "seal.key").read_text(), source="test")
    body = (keys / "seal.key").read_text().strip().removeprefix(keyring.PRIVATE_PREFIX)
    assert body not in repr(ring)
    assert f"{ring.newest.public.key_id:04x}" in repr(ring)


def test_a_missing_public_key_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAL_PUBLIC_KEY_FILE", str(tmp_path / "gone.pub"))
    monkeypatch.delenv("SEAL_PUBLIC_KEY", raising=False)
    keyring.forget()
    with pytest.raises(KeyTrouble, match="Cannot read the key file"):
        seal("x", context=CONTEXT)
    keyring.forget()
