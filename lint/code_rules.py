"""Rules on Python code that ruff and mypy lack: clocks, chance, money, errors, strategies."""

import ast
import re
from collections.abc import Iterator

from lint.findings import Finding, Source

CLOCK_FILE = "sidecars/common/clock.py"
WALL_CLOCKS = frozenset(
    {
        "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
        "datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime",
        "pandas.Timestamp.now", "pandas.Timestamp.utcnow", "pandas.Timestamp.today",
        "freqtrade.util.dt_now", "freqtrade.util.dt_ts", "freqtrade.util.datetime_helpers.dt_now",
    }
)  # fmt: skip
SEEDABLE = frozenset({"random.Random", "numpy.random.default_rng", "numpy.random.RandomState"})
SEEDED_TYPES = frozenset(
    {"numpy.random.Generator", "numpy.random.PCG64", "numpy.random.Philox",
     "numpy.random.SeedSequence", "numpy.random.SFC64", "random.SystemRandom"}
)  # fmt: skip
BROAD = frozenset({"Exception", "BaseException"})
NEUTRAL_NUMBERS = (0, 50)
FREQTRADE_CALLBACKS = frozenset(
    {"order_filled", "custom_exit", "custom_stoploss", "custom_roi", "custom_entry_price",
     "custom_exit_price", "adjust_order_price", "adjust_entry_price", "adjust_exit_price",
     "adjust_trade_position", "check_entry_timeout", "check_exit_timeout", "confirm_trade_exit"}
)  # fmt: skip
REFUSING_CALLBACKS = frozenset(
    {"custom_stake_amount", "confirm_trade_entry", "adjust_trade_position"}
)
MONEY = re.compile(r"price|usd|stake|fee|balance|amount|profit|cost|notional|equity|capital")
STRATEGY_BASES = frozenset({"IStrategy", "AquatradeStrategy"})


def code_findings(source: Source) -> list[Finding]:
    """Everything that a Python file breaks. Raises SyntaxError for what is not Python."""
    tree = ast.parse(source.text, filename=str(source.path))
    names = _imported_names(tree)
    refusals = set(_logged_refusals(tree)) if source.is_strategy_side else set()
    found: list[Finding] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += _clock(source, node, names)
            found += _chance(source, node, names)
            found += _suppressed(source, node)
        elif isinstance(node, ast.ExceptHandler) and node not in refusals:
            found += _neutral_answer(source, node)
        elif isinstance(node, ast.ClassDef) and source.is_strategy_side:
            found += _strategy_class(source, node)
        elif isinstance(node, ast.Assert) and source.is_test:
            found += _constant_assertion(source, node)
    if not source.is_test:
        found += _float_equality(source, tree)
    return source.without_waived(found)


def _imported_names(tree: ast.Module) -> dict[str, str]:
    """Local name -> full dotted name, for every import of the module."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """'datetime.datetime.now' for an expression that names it, through the file's imports."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])


def _clock(source: Source, node: ast.Call, names: dict[str, str]) -> Iterator[Finding]:
    called = _dotted(node.func, names)
    if called in WALL_CLOCKS and source.path.as_posix() != CLOCK_FILE:
        yield Finding(
            source.path, node.lineno, "clock",
            f"{called}() reaches for the time, expected a clock to be passed in",
        )  # fmt: skip


def _chance(source: Source, node: ast.Call, names: dict[str, str]) -> Iterator[Finding]:
    called = _dotted(node.func, names) or ""
    if called in SEEDED_TYPES or not called.startswith(("random.", "numpy.random.")):
        return
    seeded = called in SEEDABLE and (node.args or node.keywords)
    if not seeded:
        yield Finding(
            source.path, node.lineno, "chance", f"{called}() is unseeded, expected a seed"
        )


def _suppressed(source: Source, node: ast.Call) -> Iterator[Finding]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "suppress" and any(_is_broad(argument) for argument in node.args):
        yield Finding(
            source.path, node.lineno, "silence", "every error is suppressed, expected named ones"
        )


def _is_broad(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Tuple):
        return any(_is_broad(element) for element in node.elts)
    return node is None or (isinstance(node, ast.Name) and node.id in BROAD)


def _neutral_answer(source: Source, node: ast.ExceptHandler) -> Iterator[Finding]:
    if not _is_broad(node.type):
        return
    raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    for statement in ast.walk(node):
        if isinstance(statement, ast.Return) and _is_neutral(statement.value) and not raises:
            yield Finding(
                source.path, statement.lineno, "silence",
                "a broad except answers with a neutral value, expected named errors or a refusal",
            )  # fmt: skip


def _logged_refusals(tree: ast.Module) -> Iterator[ast.ExceptHandler]:
    """Handlers of money callbacks that log: freqtrade takes an exception for a yes, 0 for a no."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in REFUSING_CALLBACKS:
            for handler in ast.walk(function):
                if isinstance(handler, ast.ExceptHandler) and any(
                    isinstance(node, ast.Attribute) and node.attr == "exception"
                    for node in ast.walk(handler)
                ):
                    yield handler


def _is_neutral(node: ast.expr | None) -> bool:
    if node is None:
        return True
    if isinstance(node, ast.Constant):
        value = node.value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return value is None or value == "" or (number and value in NEUTRAL_NUMBERS)
    if isinstance(node, ast.Dict):
        return not node.keys
    return isinstance(node, ast.List | ast.Tuple | ast.Set) and not node.elts


def _strategy_class(source: Source, node: ast.ClassDef) -> Iterator[Finding]:
    bases = [base.id if isinstance(base, ast.Name) else ast.unparse(base) for base in node.bases]
    is_strategy = any(base in STRATEGY_BASES or base.endswith("Strategy") for base in bases)
    mixins = [base for base in bases if base.endswith("Mixin")]
    if mixins or (is_strategy and len(bases) > 1):
        yield Finding(
            source.path, node.lineno, "mixin",
            f"{node.name}({', '.join(bases)}) cannot be pickled for a parallel hyperopt, "
            "expected one strategy base",
        )  # fmt: skip
    for member in node.body if is_strategy else []:
        if isinstance(member, ast.FunctionDef) and _is_idle_callback(member):
            yield Finding(
                source.path, member.lineno, "idle-callback",
                f"{member.name} does nothing and costs a deep copy of the trade at every call",
            )  # fmt: skip


def _is_idle_callback(node: ast.FunctionDef) -> bool:
    if node.name not in FREQTRADE_CALLBACKS:
        return False
    body = [
        statement
        for statement in node.body
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]
    return all(
        isinstance(statement, ast.Pass)
        or (
            isinstance(statement, ast.Return)
            and isinstance(statement.value, ast.Constant | ast.Name | None)
        )
        for statement in body
    )


def _constant_assertion(source: Source, node: ast.Assert) -> Iterator[Finding]:
    if isinstance(node.test, ast.Constant) and node.test.value:
        yield Finding(source.path, node.lineno, "cannot-fail", "this assertion cannot fail")


def _float_equality(source: Source, tree: ast.Module) -> Iterator[Finding]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    scopes: list[ast.Module | ast.FunctionDef] = [tree, *functions]
    for scope in scopes:
        floats = _names_annotated_float(scope)
        for node in _own_nodes(scope):
            if isinstance(node, ast.Compare) and _compares_floats(node, floats):
                yield Finding(
                    source.path, node.lineno, "float-equality",
                    f"`{ast.unparse(node)}` compares floats for equality, expected a "
                    "tolerance, an inequality or Decimal",
                )  # fmt: skip


def _compares_floats(node: ast.Compare, floats: set[str]) -> bool:
    if not any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops):
        return False
    operands = [node.left, *node.comparators]
    if any(_is_zero(operand) for operand in operands):
        # A guard of a division is exact by nature; money is compared exactly by mistake.
        return MONEY.search(ast.unparse(node)) is not None
    return any(_is_float(operand, floats) for operand in operands)


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and not node.value


def _own_nodes(scope: ast.Module | ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions inside it."""
    waiting: list[ast.AST] = list(scope.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _names_annotated_float(scope: ast.Module | ast.FunctionDef) -> set[str]:
    names = set()
    if isinstance(scope, ast.FunctionDef):
        arguments = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
        names |= {one.arg for one in arguments if _says_float(one.annotation)}
    for node in _own_nodes(scope):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and _says_float(node.annotation)
        ):
            names.add(node.target.id)
    return names


def _says_float(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "float"


def _is_float(node: ast.expr, floats: set[str]) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand, floats)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "float"
    return isinstance(node, ast.Name) and node.id in floats
