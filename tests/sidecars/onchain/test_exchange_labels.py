"""The table of exchange addresses: its checksums, its file, and directions."""

import hashlib
from pathlib import Path

import ccxt
import pytest

from sidecars.common.settings_file import SettingsError
from sidecars.onchain.exchange_labels import (
    BITCOIN,
    BUILT_IN,
    ETHEREUM,
    ExchangeAddress,
    ExchangeLabels,
    direction_of,
    exchange_labels,
    read_label_file,
)

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BINANCE = "0x28c6c06298d514db089934071355e5743bf21d60"
WALLET = "0x4e83362442b8d1bec281594cea3050c8eb01311c"


def checksummed(address: str) -> str:
    """EIP-55: a letter is a capital where the digit of the hash is 8 or more."""
    digits = address[2:].lower()
    marks = ccxt.Exchange.hash(digits.encode(), "keccak", "hex")
    pairs = zip(digits, marks, strict=False)
    return "0x" + "".join(digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in pairs)


def is_base58check(address: str) -> bool:
    number = 0
    for letter in address:
        number = number * 58 + BASE58.index(letter)
    content = number.to_bytes(25, "big")
    digest = hashlib.sha256(hashlib.sha256(content[:21]).digest()).digest()
    return digest[:4] == content[21:]


def is_bech32(address: str) -> bool:
    """BIP-173 with the constant 1: version 0, which all addresses of the table are."""
    data = [BECH32.index(letter) for letter in address.removeprefix("bc1")]
    checksum = 1
    for value in [3, 3, 0, 2, 3, *data]:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            checksum ^= generator if (top >> place) & 1 else 0
    return checksum == 1


@pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.address)
def test_every_address_of_the_table_keeps_its_checksum(entry: ExchangeAddress) -> None:
    if entry.blockchain == ETHEREUM:
        assert checksummed(entry.address) == entry.address
    elif entry.address.startswith("bc1"):
        assert is_bech32(entry.address)
    else:
        assert is_base58check(entry.address)


def test_the_table_names_no_address_twice_and_has_hot_wallets() -> None:
    labels = exchange_labels()
    addresses = [*labels.addresses(ETHEREUM), *labels.addresses(BITCOIN)]
    assert len(addresses) == len(set(addresses)) == len(BUILT_IN)
    hot = labels.addresses(ETHEREUM, only_hot=True)
    assert BINANCE in hot and len(hot) < len(labels.addresses(ETHEREUM))


def test_labels_are_found_by_chain_and_whatever_the_letters() -> None:
    labels = exchange_labels()
    assert labels.label_of(ETHEREUM, "0x28C6c06298d514Db089934071355E5743bf21d60") == "Binance"
    assert labels.label_of(ETHEREUM, BINANCE) == "Binance"
    assert labels.label_of(BITCOIN, BINANCE) is None
    hot = "bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h"
    assert labels.label_of(BITCOIN, hot.upper()) == labels.label_of(BITCOIN, hot) == "Binance"
    cold = "34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo"
    assert labels.label_of(BITCOIN, cold) == "Binance"
    assert labels.label_of(BITCOIN, cold.swapcase()) is None
    assert labels.label_of(ETHEREUM, WALLET) is None
    assert labels.label_of(ETHEREUM, "no address") is None


@pytest.mark.parametrize(
    ("from_label", "to_label", "direction"),
    [
        (None, "Binance", "to_exchange"),
        ("Binance", None, "from_exchange"),
        ("Binance", "Kraken", "between_exchanges"),
        ("Binance", "Binance", "between_exchanges"),
        (None, None, "between_wallets"),
    ],
)
def test_directions(from_label: str | None, to_label: str | None, direction: str) -> None:
    assert direction_of(from_label, to_label) == direction


def written(folder: Path, text: str) -> Path:
    file = folder / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_extends_the_table_and_corrects_it(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "address, label ,blockchain\n"
        f"{WALLET.upper().replace('X', 'x')},My exchange,ethereum\n\n"
        f"{BINANCE},Another,ethereum\n",
    )
    labels = exchange_labels(file)
    assert labels.label_of(ETHEREUM, WALLET) == "My exchange"
    assert labels.label_of(ETHEREUM, BINANCE) == "Another"
    assert WALLET not in labels.addresses(ETHEREUM, only_hot=True)
    assert labels.known_name("MY EXCHANGE") == "My exchange"
    assert labels.known_name("okex") == "okex"


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "expected the header address,label,blockchain"),
        ("address,label\n", 1, "expected the header address,label,blockchain"),
        (f"address,label,blockchain\n{WALLET},A\n", 2, "got 2 cells, expected 3"),
        (f"address,label,blockchain\n{WALLET},A,etherum\n", 2, 'did you mean "ethereum"?'),
        ("address,label,blockchain\n0x12,A,ethereum\n", 2, "expected an address of ethereum"),
        (f"address,label,blockchain\n{WALLET},A,bitcoin\n", 2, "expected an address of bitcoin"),
        (f"address,label,blockchain\n{WALLET},,ethereum\n", 2, "expected a name"),
        (f"address,label,blockchain\n{WALLET},{'a' * 41},ethereum\n", 2, "expected a name"),
        (
            f"address,label,blockchain\n{WALLET},A,ethereum\n{WALLET},B,ethereum\n",
            3,
            "is there already",
        ),
    ],
)
def test_a_wrong_file_is_one_clear_line(
    tmp_path: Path, text: str, line: int, expected: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_label_file(file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_label_file(tmp_path / "absent.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="it is not text"):
        read_label_file(tmp_path / "bytes.csv")


def test_an_entry_that_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an address of bitcoin"):
        ExchangeLabels([ExchangeAddress("0x12", "A", BITCOIN)])
