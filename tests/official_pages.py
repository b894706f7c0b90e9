"""A page of each form of status page; content invented, shapes as the real ones."""

from datetime import UTC, datetime

NOON = datetime(2026, 7, 4, 12, tzinfo=UTC)

STATUSPAGE = {
    "page": {"id": "p", "name": "Invented", "url": "https://status.example"},
    "incidents": [
        {
            "id": "i1",
            "name": "Login trouble",
            "status": "investigating",
            "impact": "major",
            "created_at": "2026-07-04T14:00:00.000+02:00",
            "updated_at": "2026-07-04T14:05:00.000+02:00",
            "resolved_at": None,
            "shortlink": "https://stspg.example/i1",
            "components": [{"id": "c", "name": "Login", "status": "major_outage"}],
            "incident_updates": [],
            "unknown": {"field": 1},
        },
        {
            "id": "i0",
            "name": "Over",
            "status": "postmortem",
            "impact": "minor",
            "created_at": "2026-07-03T12:00:00Z",
            "resolved_at": "2026-07-03T13:00:00Z",
        },
    ],
}
AWS = [
    {
        "date": "1783166400",
        "arn": "arn:aws:health:us-east-1::event/LAMBDA/1",
        "region_name": "N. Virginia",
        "status": "2",
        "service": "lambda-us-east-1",
        "service_name": "Lambda",
        "summary": "Increased errors",
        "event_log": [{"timestamp": 1783166460, "message": "looking into it"}],
    }
]
GOOGLE = [
    {
        "id": "g1",
        "begin": "2026-07-04T11:00:00+00:00",
        "created": "2026-07-04T12:10:00+00:00",
        "end": None,
        "external_desc": "**Elevated errors**\nin one region",
        "status_impact": "SERVICE_OUTAGE",
        "severity": "high",
        "uri": "incidents/g1",
        "affected_products": [{"title": "Cloud Run", "id": "x"}],
        "currently_affected_locations": [{"title": "Iowa", "id": "us-central1"}],
        "updates": [{"created": "2026-07-04T12:00:00+00:00", "when": "2026-07-04T11:59:00Z"}],
    }
]
SLACK = {
    "status": "active",
    "active_incidents": [
        {
            "id": 5,
            "date_created": "2026-07-04T05:01:00-07:00",
            "title": "Messages are slow",
            "type": "incident",
            "status": "active",
            "url": "https://slack-status.example/5",
            "services": ["Messaging"],
            "notes": [{"date_created": "2026-07-04T05:00:00-07:00", "body": "we look"}],
        }
    ],
}
INSTATUS = {
    "page": {"name": "Invented", "url": "https://x.instatus.example", "status": "HASISSUES"},
    "activeIncidents": [
        {
            "id": "n1",
            "name": "Builds fail",
            "started": "2026-07-04T12:00:00Z",
            "status": "INVESTIGATING",
            "impact": "MAJOROUTAGE",
            "url": "https://x.instatus.example/n1",
            "updatedAt": "2026-07-04T12:03:00Z",
        }
    ],
    "activeMaintenances": [
        {"id": "m1", "name": "Disks", "start": "2026-07-04T13:00:00Z", "status": "NOTSTARTEDYET"},
        {"id": "m2", "name": "Cables", "start": "2026-07-04T11:00:00Z", "status": "INPROGRESS"},
    ],
}
STATUSIO = {
    "result": {
        "status_overall": {"status": "Degraded", "status_code": 300, "updated": "x"},
        "status": [{"id": "c", "name": "API", "status_code": 300, "containers": []}],
        "incidents": [
            {
                "_id": "s1",
                "name": "Pulls are slow",
                "datetime_open": "2026-07-04T12:02:00.000Z",
                "messages": [
                    {"datetime": "2026-07-04T12:30:00.000Z", "status": 500, "details": "worse"},
                    {"datetime": "2026-07-04T12:00:00.000Z", "status": 300, "details": "we look"},
                ],
            }
        ],
        "maintenance": {"active": [], "upcoming": []},
    }
}
HEROKU = {
    "status": [{"system": "Apps", "status": "red"}, {"system": "Data", "status": "green"}],
    "incidents": [
        {
            "id": 7,
            "title": "Dynos do not start",
            "state": "investigating",
            "resolved": False,
            "created_at": "2026-07-04T12:00:00.000Z",
            "full_url": "https://status.heroku.example/7",
            "systems": [{"name": "Apps", "status": "red", "services": ["Apps"]}],
            "updates": [{"created_at": "2026-07-04T12:01:00.000Z", "contents": "we look"}],
        },
        {
            "id": 6,
            "title": "Over",
            "state": "resolved",
            "resolved": False,
            "created_at": "2026-07-03T12:00:00.000Z",
        },
    ],
    "scheduled": [{"id": 5, "title": "stale", "state": "upcoming"}],
}
APPLE = {
    "services": [
        {"serviceName": "Maps", "redirectUrl": None, "events": []},
        {
            "serviceName": "iCloud Mail",
            "redirectUrl": "https://apple.example",
            "events": [
                {
                    "messageId": 2001,
                    "statusType": "Outage",
                    "eventStatus": "ongoing",
                    "usersAffected": "Some users are affected",
                    "message": "Users may be unable to send mail.",
                    "epochStartDate": 1783166400000,
                    "epochEndDate": None,
                },
                {
                    "messageId": 2000,
                    "statusType": "Issue",
                    "eventStatus": "resolved",
                    "epochStartDate": 1783080000000,
                    "epochEndDate": 1783083600000,
                },
                {
                    "messageId": 2002,
                    "statusType": "Maintenance",
                    "eventStatus": "upcoming",
                    "epochStartDate": 1783252800000,
                },
            ],
        },
    ]
}
RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Azure Status</title>
<link>https://azure.example</link>%s</channel></rss>"""
ITEM = """<item><guid>z1</guid><title>Storage - West Europe</title>
<description>&lt;p&gt;We are investigating.&lt;/p&gt;</description>
<pubDate>Sat, 04 Jul 2026 12:00:00 Z</pubDate><link>https://azure.example/z1</link></item>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Status</title><entry><id>a1</id>
<title>API errors</title><published>2026-07-04T12:00:00Z</published>
<content type="html">&lt;b&gt;Resolved&lt;/b&gt; - all good</content>
<link href="https://status.example/a1"/></entry></feed>"""
