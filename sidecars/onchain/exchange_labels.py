"""Which addresses belong to which exchange.

Hot and cold wallets that the exchanges published themselves (proof of reserves, transparency
pages: Binance, Bitfinex, Bybit, Crypto.com, OKX) or that block explorers have named for years
(Coinbase, Gate, Kraken). A file extends the table: CSV with the header address,label,blockchain.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sidecars.common.settings_file import SettingsError, did_you_mean

BITCOIN = "bitcoin"
ETHEREUM = "ethereum"
BLOCKCHAINS = (BITCOIN, ETHEREUM)
COLUMNS = ("address", "label", "blockchain")
LONGEST_LABEL = 40

_ETHEREUM_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_BITCOIN_ADDRESS = re.compile(
    r"[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71}|BC1[02-9AC-HJ-NP-Z]{11,71}"
)


@dataclass(frozen=True, slots=True)
class ExchangeAddress:
    """One address. is_hot: customers' deposits are gathered on it and withdrawals paid from it."""

    address: str
    label: str
    blockchain: str
    is_hot: bool = False


def direction_of(from_label: str | None, to_label: str | None) -> str:
    """The direction of a transfer from the labels of its two ends.

    Two labels are "between_exchanges", also when both are of one exchange.
    """
    if from_label is not None:
        return "from_exchange" if to_label is None else "between_exchanges"
    return "between_wallets" if to_label is None else "to_exchange"


def canonical_address(blockchain: str, address: str) -> str | None:
    """The one way to write an address (Ethereum and bech32 in small letters); None if it is none.

    The shape is checked, not the checksum.
    """
    if blockchain == ETHEREUM:
        return address.lower() if _ETHEREUM_ADDRESS.fullmatch(address) else None
    if blockchain == BITCOIN and _BITCOIN_ADDRESS.fullmatch(address):
        return address.lower() if address.lower().startswith("bc1") else address
    return None


class ExchangeLabels:
    """A table of addresses; of two entries of one address the later counts."""

    def __init__(self, entries: Iterable[ExchangeAddress]) -> None:
        self._entries: dict[tuple[str, str], ExchangeAddress] = {}
        for entry in entries:
            address = canonical_address(entry.blockchain, entry.address)
            if address is None:
                raise ValueError(f"expected an address of {entry.blockchain}, got {entry.address}")
            self._entries[entry.blockchain, address] = entry
        self._names = {entry.label.casefold(): entry.label for entry in self._entries.values()}

    def label_of(self, blockchain: str, address: str) -> str | None:
        """The exchange's name; None for any other address."""
        known = canonical_address(blockchain, address)
        entry = None if known is None else self._entries.get((blockchain, known))
        return None if entry is None else entry.label

    def addresses(self, blockchain: str, *, only_hot: bool = False) -> tuple[str, ...]:
        """The addresses of a chain in the order of the table, canonically written."""
        return tuple(
            address
            for (chain, address), entry in self._entries.items()
            if chain == blockchain and (entry.is_hot or not only_hot)
        )

    def known_name(self, name: str) -> str:
        """An exchange's name as this table writes it ("binance" -> "Binance"), or as it came."""
        return self._names.get(name.casefold(), name)


def exchange_labels(file: Path | None = None) -> ExchangeLabels:
    """The built-in table, extended (and, where an address is in both, corrected) by a file.

    Raises SettingsError.
    """
    extra = () if file is None else read_label_file(file)
    return ExchangeLabels((*BUILT_IN, *extra))


def read_label_file(file: Path) -> tuple[ExchangeAddress, ...]:
    """Entries of a CSV file with the columns address,label,blockchain. Raises SettingsError."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines(), strict=True))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(f"{file}: cannot be read ({reason}), expected a CSV file") from None
    except csv.Error as error:
        raise SettingsError(f"{file}: is not CSV ({error})") from None
    if not rows or tuple(cell.strip() for cell in rows[0]) != COLUMNS:
        got = _shown(",".join(rows[0])) if rows else "nothing"
        raise SettingsError(f"{file}:1: got {got}, expected the header {','.join(COLUMNS)}")
    entries: dict[tuple[str, str], ExchangeAddress] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        entry = _entry_of(f"{file}:{line}", [cell.strip() for cell in row])
        if (entry.blockchain, entry.address) in entries:
            raise SettingsError(f"{file}:{line}: {entry.address} is there already")
        entries[entry.blockchain, entry.address] = entry
    return tuple(entries.values())


def _entry_of(where: str, row: list[str]) -> ExchangeAddress:
    if len(row) != len(COLUMNS):
        raise SettingsError(
            f"{where}: got {len(row)} cells, expected {len(COLUMNS)}: {', '.join(COLUMNS)}"
        )
    address, label, blockchain = row
    if blockchain not in BLOCKCHAINS:
        raise SettingsError(
            f"{where}: blockchain: got {_shown(blockchain)}, expected one of "
            f"{', '.join(BLOCKCHAINS)}{did_you_mean(blockchain, BLOCKCHAINS)}"
        )
    if not 1 <= len(label) <= LONGEST_LABEL or not label.isprintable():
        raise SettingsError(
            f"{where}: label: got {_shown(label)}, expected a name of 1 to {LONGEST_LABEL} letters"
        )
    known = canonical_address(blockchain, address)
    if known is None:
        raise SettingsError(
            f"{where}: address: got {_shown(address)}, expected an address of {blockchain}"
        )
    return ExchangeAddress(known, label, blockchain)


def _shown(text: str) -> str:
    shown = ascii(text)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _hot(label: str, *addresses: str) -> tuple[ExchangeAddress, ...]:
    return tuple(ExchangeAddress(each, label, ETHEREUM, is_hot=True) for each in addresses)


def _cold(label: str, *addresses: str) -> tuple[ExchangeAddress, ...]:
    return tuple(ExchangeAddress(each, label, ETHEREUM) for each in addresses)


def _on_bitcoin(label: str, *addresses: str) -> tuple[ExchangeAddress, ...]:
    return tuple(ExchangeAddress(each, label, BITCOIN) for each in addresses)


BUILT_IN: tuple[ExchangeAddress, ...] = (
    *_hot(
        "Binance",
        "0x28C6c06298d514Db089934071355E5743bf21d60",
        "0x21a31Ee1afC51d94C2eFcCAa2092aD1028285549",
        "0xDFd5293D8e347dFe59E90eFd55b2956a1343963d",
        "0x56Eddb7aa87536c09CCc2793473599fD21A8b17F",
        "0x9696f59E4d72E237BE84fFD425DCaD154Bf96976",
        "0x4976A4A02f38326660D17bf34b431dC6e2eb2327",
    ),
    *_cold(
        "Binance",
        "0xF977814e90dA44bFA03b6295A0616a897441aceC",
        "0xBE0eB53F46cd790Cd13851d5EFf43D12404d33E8",
        "0x5a52E96BAcdaBb82fd05763E25335261B270Efcb",
    ),
    *_on_bitcoin(
        "Binance",
        "34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo",
        "bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h",
        "3M219KR5vEneNb47ewrPfWyb5jQ2DjxRP6",
        "3JJmF63ifcamPLiAmLgG96RA599yNtY3EQ",
        "3HdGoUTbcztBnS7UzY4vSPYhwr424CiWAA",
        "395vnFScKQ1ay695C6v7gf89UzoFpx3WuJ",
        "3FHNBLobJnbCTFTVakh5TXmEneyf5PT61B",
        "3LQUu4v9z6KNch71j7kbj8GPeAGUo1FW6a",
        "34HpHYiyQwg69gFmCq2BGHjF1DZnZnBeBP",
    ),
    *_hot("Bitfinex", "0x77134cbC06cB00b66F4c7e623D5fdBF6777635EC"),
    *_cold(
        "Bitfinex",
        "0x742d35Cc6634C0532925a3b844Bc454e4438f44e",
        "0x876EabF441B2EE5B5b0554Fd502a8E0600950cFa",
    ),
    *_on_bitcoin(
        "Bitfinex",
        "1Kr6QSydW9bFQG1mXiPNNu6WpJGmUa9i1g",
        "3JZq4atUahhuA9rLhXLMhhTo133J9rF97j",
        "bc1qgdjqv0av3q56jvd82tkdjpy7gdp9ut8tlqmgrpmv24sq90ecnvqqjwvw97",
    ),
    *_hot("Bybit", "0xf89d7b9c864f589bbF53a82105107622B35EaA40"),
    *_cold(
        "Bybit",
        "0x1Db92e2EeBC8E0c075a02BeA49a2935BcD2dFCF4",
        "0xA7A93fd0a276fc1C0197a5B5623eD117786eeD06",
        "0xee5B5B923fFcE93A870B3104b7CA09c3db80047A",
    ),
    *_on_bitcoin(
        "Bybit",
        "bc1q9w4g79ndel72lygvwtqzem67z6uqv4yncvqjz3yn8my9swnwflxsutg4cx",
        "bc1qjysjfd9t9aspttpjqzv68k0ydpe7pvyd5vlyn37868473lell5tqkz456m",
    ),
    *_hot("Coinbase", "0xA9D1e08C7793af67e9d92fe308d5697FB81d3E43"),
    *_cold(
        "Coinbase",
        "0x71660c4005BA85c37ccec55d0C4493E66Fe775d3",
        "0x503828976D22510aad0201ac7EC88293211D23Da",
        "0xddfAbCdc4D8FfC6d5beaf154f18B778f892A0740",
        "0x3cD751E6b0078Be393132286c442345e5DC49699",
        "0xb5d85CBf7cB3EE0D56b3bB207D5Fc4B82f43F511",
        "0xeB2629a2734e272Bcc07BDA959863f316F4bD4Cf",
    ),
    *_hot("Crypto.com", "0x6262998Ced04146fA42253a5C0AF90CA02dfd2A3"),
    *_cold(
        "Crypto.com",
        "0x46340b20830761efd32832A74d7169B29FEB9758",
        "0x72A53cDBBcc1b9efa39c834A540550e23463AAcB",
        "0xCFFAd3200574698b78f32232aa9D63eABD290703",
    ),
    *_on_bitcoin(
        "Crypto.com",
        "bc1q4c8n5t00jmj8temxdgcc3t32nkg2wjwz24lywv",
        "bc1qpy4jwethqenp4r7hqls660wy8287vw0my32lmy",
        "3LhhDLBVWBZChNQv8Dn4nDKFnCyojG1FqN",
        "bc1qr4dl5wa7kl8yu792dceg9z5knl2gkn220lk7a9",
    ),
    *_hot("Gate", "0x0D0707963952f2fBA59dD06f2b425ace40b492Fe"),
    *_hot("Kraken", "0x267be1C1D684F78cb4F6a176C4911b741E4Ffdc0"),
    *_cold(
        "Kraken",
        "0x2910543Af39abA0Cd09dBb2D50200b3E800A63D2",
        "0x0A869d79a7052C7f1b55a8EbAbbEa3420F0D1E13",
        "0xE853c56864A2ebe4576a807D26Fdc4A0adA51919",
    ),
    *_hot("OKX", "0x6cC5F688a315f3dC28A7781717a9A798a59fDA7b"),
    *_cold(
        "OKX",
        "0x5041ed759Dd4aFc3a72b8192C143F72f4724081A",
        "0x98EC059Dc3aDFBdd63429454aEB0c990FBA4A128",
    ),
    *_on_bitcoin("OKX", "bc1quhruqrghgcca950rvhtrg7cpd7u8k6svpzgzmrjy8xyukacl5lkq0r8l2d"),
)
