"""Cadets and training staff, the days they train on, and what is recorded about them."""

from django.db import models


class Person(models.Model):
    """What is known of a cadet and of a member of the training staff alike."""

    first_name = models.CharField(max_length=255)
    middle_name = models.CharField(max_length=255, null=True, blank=True)
    last_name = models.CharField(max_length=255)
    suffix_name = models.CharField(max_length=50, null=True, blank=True)
    contact_number = models.CharField(max_length=50, null=True, blank=True)
    address = models.TextField(null=True, blank=True)
    gender = models.CharField(max_length=20, null=True, blank=True)
    profile_pic = models.TextField(null=True, blank=True)
    birthdate = models.DateField(null=True, blank=True)
    birthplace = models.CharField(max_length=255, null=True, blank=True)
    age = models.IntegerField(null=True, blank=True)
    height = models.CharField(max_length=50, null=True, blank=True)
    weight = models.CharField(max_length=50, null=True, blank=True)
    blood_type = models.CharField(max_length=10, null=True, blank=True)
    civil_status = models.CharField(max_length=50, null=True, blank=True)
    nationality = models.CharField(max_length=100, null=True, blank=True)
    language_spoken = models.CharField(max_length=255, null=True, blank=True)
    combat_boots_size = models.CharField(max_length=20, null=True, blank=True)
    uniform_size = models.CharField(max_length=20, null=True, blank=True)
    bullcap_size = models.CharField(max_length=20, null=True, blank=True)
    facebook_link = models.TextField(null=True, blank=True)
    rotc_unit = models.CharField(max_length=255, null=True, blank=True)
    mobilization_center = models.CharField(max_length=255, null=True, blank=True)
    is_profile_completed = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Not a table of its own."""

        abstract = True

    def __str__(self) -> str:
        """Return the person's name."""
        return f"{self.first_name} {self.last_name}"


class Cadet(Person):
    """A student in the corps."""

    email = models.EmailField(max_length=254, null=True, blank=True)
    course = models.CharField(max_length=255, null=True, blank=True)
    year_level = models.IntegerField(null=True, blank=True)
    company = models.CharField(max_length=50, null=True, blank=True)
    platoon = models.CharField(max_length=50, null=True, blank=True)
    status = models.CharField(max_length=50, default="Ongoing")
    student_id = models.CharField(max_length=50, unique=True)

    class Meta:
        """Table of the old system."""

        db_table = "cadets"


class TrainingStaff(Person):
    """Someone who trains cadets."""

    rank = models.CharField(max_length=100, null=True, blank=True)
    email = models.EmailField(max_length=254, unique=True)
    role = models.CharField(max_length=100, null=True, blank=True, default="Instructor")
    afpsn = models.CharField(max_length=50, null=True, blank=True)
    has_seen_guide = models.BooleanField(default=False)

    class Meta:
        """Table of the old system."""

        db_table = "training_staff"


class Grade(models.Model):
    """The scores of one cadet."""

    cadet = models.OneToOneField(Cadet, on_delete=models.CASCADE, related_name="grade")
    attendance_present = models.IntegerField(default=0)
    merit_points = models.IntegerField(default=0)
    demerit_points = models.IntegerField(default=0)
    prelim_score = models.FloatField(null=True, blank=True)
    midterm_score = models.FloatField(null=True, blank=True)
    final_score = models.FloatField(null=True, blank=True)

    class Meta:
        """Table of the old system."""

        db_table = "grades"

    def __str__(self) -> str:
        """Return whose grade this is."""
        return f"grade of cadet {self.cadet_id}"


class TrainingDay(models.Model):
    """A day the corps trains on."""

    date = models.DateField()
    title = models.CharField(max_length=255)
    description = models.TextField(null=True, blank=True)
    location = models.CharField(max_length=255, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "training_days"

    def __str__(self) -> str:
        """Return the day and its title."""
        return f"{self.date} {self.title}"


class Attendance(models.Model):
    """When someone came to a training day and when they left."""

    training_day = models.ForeignKey(TrainingDay, on_delete=models.CASCADE)
    time_in = models.TimeField(null=True, blank=True)
    time_out = models.TimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Not a table of its own."""

        abstract = True


class AttendanceRecord(Attendance):
    """The attendance of a cadet."""

    cadet = models.ForeignKey(Cadet, on_delete=models.CASCADE)
    status = models.CharField(max_length=20)

    class Meta:
        """Table of the old system."""

        db_table = "attendance_records"
        constraints = (
            models.UniqueConstraint(
                fields=["training_day", "cadet"], name="attendance_records_day_cadet_uniq"
            ),
        )

    def __str__(self) -> str:
        """Return who was there, and how."""
        return f"cadet {self.cadet_id} {self.status} on day {self.training_day_id}"


class StaffAttendanceRecord(Attendance):
    """The attendance of a member of the training staff."""

    staff = models.ForeignKey(TrainingStaff, on_delete=models.CASCADE)

    class Meta:
        """Table of the old system."""

        db_table = "staff_attendance_records"
        constraints = (
            models.UniqueConstraint(
                fields=["training_day", "staff"], name="staff_attendance_records_day_staff_uniq"
            ),
        )

    def __str__(self) -> str:
        """Return who was there."""
        return f"staff {self.staff_id} on day {self.training_day_id}"


class ExcuseLetter(models.Model):
    """Why a cadet was absent, in the cadet's own words."""

    cadet = models.ForeignKey(Cadet, on_delete=models.CASCADE)
    training_day = models.ForeignKey(TrainingDay, on_delete=models.SET_NULL, null=True, blank=True)
    date_absent = models.DateField()
    reason = models.TextField()
    file_url = models.TextField(null=True, blank=True)
    status = models.CharField(max_length=20, default="pending")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table of the old system."""

        db_table = "excuse_letters"

    def __str__(self) -> str:
        """Return whose letter this is."""
        return f"cadet {self.cadet_id} absent on {self.date_absent}"


class MeritDemeritLog(models.Model):
    """Points given to a cadet or taken away."""

    cadet = models.ForeignKey(Cadet, on_delete=models.CASCADE)
    type = models.CharField(max_length=10)
    points = models.IntegerField()
    reason = models.TextField(blank=True, default="")
    date_recorded = models.DateTimeField(auto_now_add=True)
    # A soft reference and a copy of the name: the record outlives whoever made it.
    issued_by_user_id = models.IntegerField()
    issued_by_name = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        """Table of the old system."""

        db_table = "merit_demerit_logs"

    def __str__(self) -> str:
        """Return what was given to whom."""
        return f"{self.type} {self.points} to cadet {self.cadet_id}"
