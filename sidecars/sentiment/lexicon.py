"""What words mean to who holds crypto, on VADER's scale from -4 to 4.

Words and phrases go beyond VADER's own list or replace its value; a phrase counts once, as a whole,
and its words no more. SILENCED are words of VADER's list that are terms of the trade here
("security", "interest", "support") and say nothing.
"""

_WORDS_BY_VALUE: dict[float, str] = {
    3.0: """
        ath moon mooning mooned skyrocket skyrockets skyrocketed skyrocketing averted averts avert
        """,
    2.5: """
        soar soars soared soaring surge surges surged surging bullish breakout parabolic reclaims
        reclaim reclaimed reclaiming
        """,
    2.0: """
        rally rallies rallied rallying rebound rebounds rebounded rebounding recover recovers
        recovered recovering recovery recoups outperform outperforms outperformed outpaces outpaced
        uptrend approve approves approved approval approvals greenlight greenlights greenlit
        inflow inflows adoption wagmi repays repaid recoup explodes
        """,
    1.5: """
        climb climbs climbed climbing jump jumps jumped jumping rise rises rising rose upside upturn
        bull bulls accumulate accumulates accumulated accumulating accumulation partner partners
        partnered partnership partnerships listing rejoice cheers clarity doubles doubled triples
        tripled quadruples resumes resumed reopens restores restored rebuilt hodl lambo
        boost boosted overblown overdone milestone bounces bounce bounced pops
        shrugs upgraded accelerates accelerating flips
        """,
    1.0: """
        pump pumps pumped pumping tops topped topping expands expanded expansion integrates
        integrated embrace adopts adopt adopted buys buying buyers invests higher fixes fixed
        patched eases easing cools cooling cooled undervalued staked listed accepts unveils oversold
        demand scoops snaps secures
        """,
    0.8: "above highs beats acquires acquired",
    -0.8: "below lows overbought inflation hurdles",
    -1.0: """
        sell sells selling seller sellers lower dip dips dipped dipping delay delays delayed
        postpones postponed cautious caution stall stalls stalled sidelined muted thinnest thin
        fades fade faded fading pullback dries doubts
        """,
    -1.5: """
        fall falls falling fell drop drops dropped dropping decline declines declined declining slip
        slips slipped slipping slide slides slid sliding retreat retreats retreated bear bears
        downside correction recession probe probes investigation investigates investigated warn
        warns warned warning warnings outlaw outlaws offline glitch weakness weak weakest
        halves halved dumped dump dumps dumping halt halts halted worst
        deepens underperform underperforms shutters subpoena subpoenas fined overvalued shrinks
        vanishes vanish vanished flee flees fleeing exodus hawkish rout routed
        dive dives dived diving
        """,
    -2.0: """
        sink sinks sank sinking slump slumps slumped slumping tumble tumbles tumbled tumbling
        bearish downtrend downgrade downgrades downgraded outflow outflows liquidation
        liquidations liquidated lawsuit lawsuits sue sues sued suing delist delists delisted
        delisting freeze freezes froze frozen suspend suspended suspends suspension
        reject rejects rejected rejection crackdown cracks ban bans banned banning sanction
        sanctions sanctioned outage outages layoffs capitulate capitulates capitulated
        capitulation fizzles fizzle fizzled evaporate evaporates evaporated bleed bleeds bleeding
        shutdown contagion hacker hackers fud ngmi bagholder bagholders breach breached
        charged indicted indictment underwater unregistered underfunded vulnerability slashed
        attacker attackers evade laundering meltdown selloff
        """,
    -2.6: """
        plunge plunges plunged plunging plummet plummets plummeted plummeting nosedive nosedives
        crater craters cratered crash crashes crashed crashing hack hacks hacked exploit exploits
        exploited exploiter exploiters drained drains drain phishing phished arrested arrest arrests
        bankrupt insolvent insolvency rekt rugged collapse collapses collapsed collapsing thieves
        stolen steals stole theft heist convicted fraudster
        """,
    -3.0: """
        depeg depegs depegged depegging bankruptcy bankruptcies ponzi scam scams scammer scammers
        """,
}  # fmt: skip

_PHRASES_BY_VALUE: dict[float, tuple[str, ...]] = {
    3.0: (
        "all time high", "all time highs", "record high", "record highs", "to the moon",
        "less than feared", "better than feared", "fears overblown", "rug pull averted",
        "hack averted", "highest ever", "regains its peg", "regains peg", "regains its dollar peg",
        "restores peg", "made whole", "in full",
    ),
    2.4: (
        "green light", "bull run", "golden cross", "throws out lawsuit", "throws out case",
        "dismisses lawsuit", "dismisses case", "lawsuit dismissed", "case dismissed",
        "charges dropped", "drops charges", "drops lawsuit", "drops case", "drops appeal",
        "drops probe", "ends probe", "ends its probe", "closes probe", "no charges", "drops ban",
        "drops its ban", "lifts ban", "lifts its ban", "ban lifted", "better than expected",
        "record profit", "record profits", "record inflows", "record revenue", "record reserves",
        "short sellers lose", "goes parabolic", "legal tender", "clean audit", "tax free",
        "returns stolen", "stolen funds returned", "funds recovered",
    ),
    1.8: (
        "yearly high", "year high", "month high", "week high", "new high", "new highs",
        "fresh high", "higher high", "higher highs", "highest since", "breaks out", "broke out",
        "breaking out", "breaks above", "breaks past", "pushes higher", "moves higher",
        "back above",
        "shrugs off", "shrug off", "shrugged off", "short squeeze", "shorts liquidated",
        "liquidations of shorts", "short liquidations", "squeezes past", "shoots up", "shot up",
        "shooting up", "roars back", "roar back", "bull flag", "buy the dip", "bought the dip",
        "buying the dip", "supply shock", "institutional demand", "soft inflation",
        "pauses rate hikes", "rate cut", "rate cuts", "dovish", "outflows end", "ends outflows",
        "bears beware", "sorry bears", "risk on", "refuse to sell", "goes live", "went live",
        "wins approval", "wins license", "wins licence", "best day", "best week", "best month",
        "best session", "sold out", "sells out", "market rally", "diamond hands", "altcoin season",
        "strategic reserve", "leaves exchanges", "crypto friendly",
        "without a hitch", "back in charge", "off exchanges",
    ),
    0.0: (
        "open interest", "interest rate", "interest rates", "total value locked", "value locked",
        "proof of stake", "proof of work", "mining difficulty", "difficulty adjustment",
        "risk management", "fear and greed", "fear & greed", "binance smart chain",
        "liquid staking",
        "hard fork", "soft fork", "smart contract", "smart contracts", "market cap", "bull or bear",
        "bulls and bears", "bulls or bears", "rise or fall", "up or down", "buy or sell",
    ),
    -1.2: (
        "risk off", "rate hike", "rate hikes", "profit taking", "key resistance", "paper hands",
        "steps down", "pulls out", "walks away", "stay away", "stays away",
    ),
    -1.8: (
        "yearly low", "year low", "month low", "week low", "new low", "new lows", "fresh low",
        "lower lows", "lowest since", "breaks below", "falls below", "slips below", "drops below",
        "dips below", "back below", "drops under", "falls under", "loses support",
        "loses key support", "dead cat bounce", "death cross", "bull trap", "crypto winter",
        "bear market", "sell off", "sells off", "selling pressure", "rate hike fears",
        "hot inflation", "job cuts", "cuts jobs", "cut jobs", "cuts staff", "cut staff", "lays off",
        "laid off", "margin call", "margin calls", "bad debt", "gives back", "give back",
        "gave back", "goes down", "goes offline", "record outflows", "outflows hit a record",
        "sees outflows", "shuts down", "shut down", "shutting down", "worst day",
        "worst week", "worst month", "worst quarter", "locked out", "flash loan", "dump feared",
        "braces for", "under fire", "worse than expected", "worse than feared",
        "under investigation",
        "criminal investigation", "more pain", "turns negative",
        "anything but",
    ),
    -2.4: (
        "class action", "wiped out", "wipes out", "wiping out", "flash crash", "double spend",
        "halts withdrawals", "pauses withdrawals", "suspends withdrawals", "freezes withdrawals",
        "withdrawals halted", "withdrawals frozen", "chapter 11", "money laundering",
        "security breach", "loses its peg", "lost its peg", "loses peg", "off its peg",
        "fails to hold", "failed to hold", "rally fades", "runs off", "bank run", "run on exchange",
        "insider trading", "long liquidations", "files for bankruptcy", "wash trading",
        "goes unnoticed", "sell the news",
    ),
    -3.0: (
        "rug pull", "rug pulls", "rug pulled", "exit scam", "death spiral", "51% attack",
        "all time low", "all time lows", "pump and dump", "lost everything",
        "worth less than", "private key leak", "market crash",
    ),
}  # fmt: skip

_SILENCED = """
    security securities secure share shares interest interests support supports supported
    supporting trust energy difficulty difficult block blocks worth dominance dominant holiday
    surprise popular free treasury like top join joins joined await awaits accept accepted credit
    united active play plays greed greedy alert challenge challenges locked lock certain credible
    promise save saves saving savings special heroes natural freedom burn burns burned shock
    resistance please help helps launched novel fan fans hand cut cuts mine mined critical
    positions position bonus reward rewards gold opportunity big chance ease kind fire cool care
    party thanks ready matter matters fun grand value valued
    """

# Words that mean a move before a number only ("up 8%", "raises $20M"): joined to "up_by".
MOVES = {"up": 1.5, "down": -1.5, "raises": 1.5, "raised": 1.2}

WORDS = {word: value for value, words in _WORDS_BY_VALUE.items() for word in words.split()}
SILENCED = frozenset(_SILENCED.split())
PHRASES = {phrase: value for value, phrases in _PHRASES_BY_VALUE.items() for phrase in phrases}
