"""The tables of a little service: its jobs, their events, and the cakes that its flows make."""

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit.flow import EventColumns, JobColumns


class Model(DeclarativeBase):
    pass


class Job(JobColumns, Model):
    __tablename__ = "jobs"


class Event(EventColumns, Model):
    __tablename__ = "events"


class Cake(Model):
    __tablename__ = "cakes"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    status: Mapped[str] = mapped_column(String(8), default="WISHED")
    eggs: Mapped[int] = mapped_column(default=0)
