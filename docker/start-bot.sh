#!/bin/sh
# start-bot.sh BOT: checks the layers of the bot's configuration, with real money also all else that
# can be checked before the first order, then trades with them, watched.
#
# AQUATRADE_MODE       paper (default), live or replay
# AQUATRADE_EXCHANGE   binance (default) or mexc
# AQUATRADE_RISK       lab (default), quant or scalp: the risk profile
# AQUATRADE_LAYERS     further layers by name, separated by blanks: "preset-specified"
# AQUATRADE_SECRETS    a layer with passwords and keys (default: the Docker secret "bot")
set -eu

bot=${1:?start-bot.sh BOT: expected the name of a bot, as in bot-BOT.json}
mode=${AQUATRADE_MODE:-paper}
secrets=${AQUATRADE_SECRETS:-/run/secrets/bot}
root=$(cd "$(dirname "$0")/.." && pwd)
config=$root/user_data/config
# Hyperopt's workers, the checker and the strategies all find `aquatrade` here.
export PYTHONPATH="$root/user_data/strategies${PYTHONPATH:+:$PYTHONPATH}"

set -- --config "$config/base.json" \
    --config "$config/exchange-${AQUATRADE_EXCHANGE:-binance}.json" \
    --config "$config/mode-$mode.json" \
    --config "$config/risk-${AQUATRADE_RISK:-lab}.json" \
    --config "$config/bot-$bot.json"
for layer in ${AQUATRADE_LAYERS:-}; do
    set -- "$@" --config "$config/$layer.json"
done
set -- "$@" --config "$config/api-server.json"
if [ -e "$secrets" ]; then
    set -- "$@" --config "$secrets"
fi
# A database for each bot and mode: paper trades must never be taken for live ones.
set -- "$@" --db-url "sqlite:///$root/user_data/$bot-$mode.sqlite"

case $mode in
paper | replay)
    python -m aquatrade.config_check "$@"
    ;;
*)
    code=0
    python -m aquatrade.preflight --exits-go-on "$@" || code=$?
    case $code in
    0) ;;
    # 3: it holds trades and may make no new ones, and nobody but the bot would close them. 1: the
    # check itself broke; a bot that is paused does no harm.
    1 | 3) export FREQTRADE__INITIAL_STATE=paused ;;
    *) exit "$code" ;;
    esac
    ;;
esac
exec python "$root/docker/supervise.py" --ping http://127.0.0.1:8080/api/v1/ping -- \
    freqtrade trade "$@" --userdir "$root/user_data"
