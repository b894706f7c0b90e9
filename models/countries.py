"""The country that a post names, by a short list of unmistakable names."""

import re

from ahocorasick_rs import AhoCorasick

from models.fold import fold

# ISO 3166 code → names in the languages of the tagger. Left out: names that are words or people as
# well (Jordan, Georgia, Chad, Turkey in English, "us").
_NAMES = {
    "AE": "united arab emirates|uae|emirates|الامارات",
    "AR": "argentina|argentinien|argentine",
    "AT": "austria|osterreich|autriche",
    "AU": "australia|australie|australien",
    "BE": "belgium|belgie|belgique|belgien",
    "BR": "brazil|brasil|bresil|brasilien|brasile|brazylia",
    "CA": "canada|kanada",
    "CH": "switzerland|schweiz|suisse|svizzera",
    "CL": "chile",
    "CN": "china|chine|cina|中国|중국",
    "CO": "colombia|kolumbien",
    "CZ": "czechia|czech republic",
    "DE": "germany|deutschland|alemania|alemanha|allemagne|germania|duitsland"
    "|ドイツ|독일|jerman|almanya|niemcy|niemczech",
    "DK": "denmark|danmark",
    "EG": "egypt|مصر",
    "ES": "spain|espana|espanha|espagne|spanien|spagna|spanje|スペイン|hiszpania",
    "FI": "finland",
    "FR": "france|francia|franca|frankreich|frankrijk"
    "|フランス|프랑스|prancis|fransa|francja|francji",
    "GB": "uk|united kingdom|england|scotland|britain|reino unido|royaume-uni"
    "|grossbritannien|イギリス|영국|inggris|ingiltere",
    "GR": "greece|griechenland",
    "ID": "indonesia",
    "IE": "ireland|irland",
    "IN": "india|bharat|भारत|indien|インド|인도|hindistan",
    "IT": "italy|italia|italien|italie|イタリア|이탈리아|wlochy|wloszech",
    "JP": "japan|japon|japao|giappone|日本|일본|jepang|japonya",
    "KE": "kenya",
    "KR": "south korea|korea|韓国|한국|corea",
    "KW": "kuwait|الكويت",
    "MA": "morocco|maroc|المغرب",
    "MX": "mexico|mexique|mexiko",
    "MY": "malaysia",
    "NG": "nigeria",
    "NL": "netherlands|nederland|niederlande|holland|pays-bas",
    "NO": "norway|norge",
    "NZ": "new zealand",
    "PE": "peru",
    "PH": "philippines|pilipinas",
    "PK": "pakistan",
    "PL": "poland|polska|polsce|polen|pologne|polonia",
    "PT": "portugal",
    "RO": "romania",
    "SA": "saudi arabia|saudi|السعوديه",
    "SE": "sweden|sverige|schweden",
    "SG": "singapore|singapura",
    "TH": "thailand",
    "TR": "turkiye|turkei|turquie|turquia|トルコ",
    "TW": "taiwan|台湾",
    "UA": "ukraine|ukraina|ucrania",
    "US": "usa|united states|estados unidos|etats-unis|アメリカ|미국|amerika serikat",
    "VN": "vietnam",
    "ZA": "south africa|suid-afrika",
}

_CODES = {fold(name): code for code, names in _NAMES.items() for name in names.split("|")}
_COUNTRIES = list(_CODES)
_AUTOMATON = AhoCorasick(_COUNTRIES)
_BEFORE, _AFTER = re.compile(r"[\w@#.-]"), re.compile(r"[\w-]")  # of another word, name or link


def country(folded: str) -> str | None:
    """The ISO 3166 code of the first country named in folded text; None where there is none."""
    hits = _AUTOMATON.find_matches_as_indexes(folded, overlapping=True)
    names = [(start, -end, index) for index, start, end in hits if _stands(folded, start, end)]
    return _CODES[_COUNTRIES[min(names)[2]]] if names else None


def _stands(folded: str, start: int, end: int) -> bool:
    """Say whether [start, end) is a word of its own; scripts without spaces have no such edges."""
    if not folded[start:end].isascii():
        return True
    begins = start == 0 or not _BEFORE.match(folded, start - 1)
    return begins and not _AFTER.match(folded, end)
