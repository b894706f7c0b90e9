"""The page "Report a problem": what a person says of a service, sent through Kafka as all else."""

from datetime import datetime

import redis
import streamlit as st

from dashboard import top, world
from dashboard.markup import el, join
from dashboard.site import Site
from detector.inbox import LONGEST_COMMENT, Inbox, Refused, Submission

SYMPTOMS = {
    "login": "Signing in",
    "payment": "Paying",
    "loading": "Loading, slow pages",
    "connectivity": "No connection",
    "crash": "Crashes",
    "api": "API errors",
    "other": "Something else",
}


def show(site: Site) -> None:
    """Draw the form; what is sent is on its way when the page says so."""
    top.show(site, brief=True)
    st.html(
        join(
            el("h1", "Report a problem", class_="section first"),
            el(
                "p",
                "Tell what does not work for you. It counts like every other report: once an hour "
                "for a service. Your address is not kept, only a key made from it.",
                class_="soft",
            ),
        )
    )
    with st.form("report", clear_on_submit=False):
        service = st.selectbox(
            "Service",
            list(site.services),
            index=None,
            format_func=site.name,
            placeholder="Which service?",
            key="report-service",
        )
        symptom = st.pills(
            "What does not work?", list(SYMPTOMS), format_func=SYMPTOMS.__getitem__, key="symptom"
        )
        country = st.selectbox(
            "Where are you? (optional)",
            sorted(world.countries(), key=lambda code: world.countries()[code].name),
            index=None,
            format_func=lambda code: world.countries()[code].name,
            placeholder="Country",
            key="report-country",
        )
        comment = st.text_area(
            "In your words (optional)", max_chars=LONGEST_COMMENT, key="report-comment"
        )
        sent = st.form_submit_button("Send the report", type="primary", icon=":material/send:")
    if not sent:
        return
    if service is None:
        st.warning("Choose a service first.")
        return
    _send(site, service, symptom, country, comment)


def _send(site: Site, service: str, symptom: str | None, country: str | None, comment: str) -> None:
    inbox = site.reader.stores.inbox
    try:
        inbox.submit(submission(inbox, site.address, site.now, service, symptom, country, comment))
    except Refused as error:
        st.warning(str(error).capitalize() + ".")
    except redis.RedisError:
        st.error("The store does not answer; nothing was sent. Try again in a minute.")
    else:
        st.success(
            f"Thank you. Your report about {_unmarked(site.name(service))} counts in some seconds."
        )


def submission(
    inbox: Inbox,
    address: str,
    now: datetime,
    service: str,
    symptom: str | None = None,
    country: str | None = None,
    comment: str = "",
) -> Submission:
    """Return what is sent; *address* leaves this function as a hash only."""
    return Submission(
        service=service,
        sender=inbox.hash(address),
        sent_at=now,
        symptom=symptom,
        country=country,
        comment=comment.strip()[:LONGEST_COMMENT],
    )


def _unmarked(name: str) -> str:
    """Return the catalogue's *name* without what Streamlit would read as Markdown."""
    return "".join(character for character in name if character.isalnum() or character in " .&'-+")
