"""Looks at what the page's program keeps, and at a message with the eyes of pika and of cloudevents."""

import os
import sqlite3
import sys

import pika
from cloudevents.core.bindings import amqp

LETTERS = {}


def subscriber(user_id):
    """What the program's database has of a user: name, address and sequence."""
    database = sqlite3.connect(os.environ["NEWSLETTER_DATABASE"])
    row = database.execute("SELECT full_name, email, sequence FROM subscriber WHERE id = ?", (user_id,)).fetchone()
    return "|".join(str(value) for value in row or [])


def note_letters():
    """Lets pika write down the letter of the type of each value that it reads."""
    decode_value = pika.data.decode_value

    def noting(encoded, offset):
        letter = encoded[offset : offset + 1].decode()
        value, end = decode_value(encoded, offset)
        if not isinstance(value, dict):
            LETTERS[value] = letter
        return value, end

    pika.data.decode_value = noting


def message():
    """Takes the next message of the queue apart."""
    note_letters()
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["NEWSLETTER_AMQP_URL"]))
    channel = connection.channel()
    # Not `basic_get`: a queue with a single active consumer knows none.
    method, properties, body = next(channel.consume("newsletter.v1", inactivity_timeout=30))
    assert method, "no message"
    headers = properties.headers
    assert LETTERS[headers["position"]] == LETTERS[headers["sequence"]] == "l", LETTERS
    assert LETTERS[headers["log_id"]] == LETTERS[headers["cloudEvents_time"]] == "S", LETTERS
    assert headers["cloudEvents_source"] == "/marquee/user", headers

    event = amqp.from_binary(
        amqp.AMQPMessage(properties={"content-type": properties.content_type}, application_properties=headers, application_data=body),
        amqp.JSONFormat(),
    )
    assert event.get_id() == properties.message_id
    assert event.get_type() == properties.type == method.routing_key
    assert event.get_source() == "/marquee/user"
    assert event.get_subject() == "carol"
    channel.basic_ack(method.delivery_tag)
    connection.close()


if __name__ == "__main__":
    if sys.argv[1] == "subscriber":
        print(subscriber(sys.argv[2]))
    else:
        message()
